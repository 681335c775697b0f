"""Credentials of model providers, messaging, payment and other services: found by name, and near misses are not."""

from __future__ import annotations

import pytest
from audit.secrets.samples import check_found, check_near_miss

from forgelm.audit.secrets.services import SERVICES

KINDS = [family.kind for family in SERVICES]


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_is_found_once_and_under_its_name(kind: str) -> None:
    check_found(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_nearly_looks_so_is_not_found_under_that_name(kind: str) -> None:
    check_near_miss(kind)
