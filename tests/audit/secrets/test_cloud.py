"""Credentials of clouds, hosting and the tools that run them: found by name, and not what nearly looks so."""

from __future__ import annotations

import pytest
from audit.secrets.samples import check_found, check_near_miss

from forgelm.audit.secrets.cloud import CLOUD

KINDS = [family.kind for family in CLOUD]


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_is_found_once_and_under_its_name(kind: str) -> None:
    check_found(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_nearly_looks_so_is_not_found_under_that_name(kind: str) -> None:
    check_near_miss(kind)
