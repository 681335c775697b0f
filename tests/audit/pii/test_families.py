"""The tables of personal data."""

from __future__ import annotations

from forgelm.audit.pii.families import CONTRACT_FAMILIES, PII_SEVERITY, PII_TYPES


def test_the_tables_are_those_of_the_contract_and_more() -> None:
    contract = {"email": "medium", "iban": "critical", "credit_card": "critical", "us_ssn": "high", "fr_ssn": "high",
                "tr_id": "high", "de_id": "high", "phone": "low", "person": "medium", "organization": "low",
                "location": "low"}  # fmt: skip
    assert contract.items() <= dict(PII_SEVERITY).items()
    assert tuple(dict.fromkeys(family.kind for family in CONTRACT_FAMILIES)) == PII_TYPES[:8]
    assert set(PII_SEVERITY) == set(PII_TYPES)
