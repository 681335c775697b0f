"""Credentials of private keys, URLs, headers and configuration files: found by name, and not what nearly looks so."""

from __future__ import annotations

import pytest
from audit.secrets.samples import text_almost_with, text_with

from forgelm.audit.secrets.find import find_secrets, mask_secrets
from forgelm.audit.secrets.keys import GENERIC, IN_TEXT, PRIVATE_KEYS

KINDS = [family.kind for family in PRIVATE_KEYS + IN_TEXT + GENERIC]


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_is_found_once_and_under_its_name(kind: str) -> None:
    for seed in range(5):
        text = text_with(kind, seed)
        (finding,) = find_secrets(text)
        assert (finding.kind, finding.severity) == (kind, "critical"), text
        value = text[slice(*finding.span)]
        assert finding.text_preview[4:] not in value
        assert value not in mask_secrets(text)


@pytest.mark.parametrize("kind", KINDS)
def test_what_nearly_looks_so_is_not_found_under_that_name(kind: str) -> None:
    text = text_almost_with(kind)
    assert kind not in [finding.kind for finding in find_secrets(text)], text
