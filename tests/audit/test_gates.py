"""What lets a training begin and what does not."""

from __future__ import annotations

import pytest

from forgelm.audit.gates import Found, decide_gates

CARD = ("pii", "credit_card", "critical")
MAIL = ("pii", "email", "medium")
KEY = ("secret", "aws_access_key", "critical")


def _statuses(found: Found, **allowed: bool) -> list[str]:
    options = {"allow_pii": False, "allow_secrets": False} | allowed
    return [gate.status for gate in decide_gates(found, **options)]


@pytest.mark.parametrize(
    ("found", "statuses"),
    [
        ({}, ["passed", "passed"]),
        ({MAIL: 5}, ["passed", "passed"]),
        ({CARD: 1}, ["failed", "passed"]),
        ({KEY: 1}, ["passed", "failed"]),
        ({CARD: 1, KEY: 2, MAIL: 3}, ["failed", "failed"]),
    ],
)
def test_critical_personal_data_and_any_credential_fail(found: Found, statuses: list[str]) -> None:
    assert _statuses(found) == statuses


def test_each_is_let_through_by_its_own_name_only() -> None:
    assert _statuses({CARD: 1, KEY: 1}, allow_pii=True) == ["suppressed", "failed"]
    assert _statuses({CARD: 1, KEY: 1}, allow_secrets=True) == ["failed", "suppressed"]
    assert _statuses({}, allow_pii=True, allow_secrets=True) == ["passed", "passed"]


def test_counts() -> None:
    pii, secrets = decide_gates({CARD: 2, MAIL: 3, KEY: 4}, allow_pii=False, allow_secrets=False)
    assert (pii.critical_total, pii.critical_types, pii.advisory_total, pii.advisory_types) == (
        2, ("credit_card",), 3, ("email",),
    )  # fmt: skip
    assert (secrets.critical_total, secrets.critical_types, secrets.severity) == (4, ("aws_access_key",), "critical")
