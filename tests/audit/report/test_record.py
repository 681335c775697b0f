"""The report's promised names, and the views of it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest
from audit_reports import make_report

from forgelm.audit.report.record import AuditReport

SEED_FIELDS = (
    "generated_at", "source_path", "source_input", "total_samples", "splits", "cross_split_overlap", "pii_summary",
    "pii_severity", "near_duplicate_summary", "secrets_summary", "quality_summary", "croissant", "notes",
)  # fmt: skip


def test_the_promised_fields_come_first_and_in_order() -> None:
    assert tuple(field.name for field in fields(AuditReport))[: len(SEED_FIELDS)] == SEED_FIELDS


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        make_report().total_samples = 7  # type: ignore[misc]


def test_views_of_what_was_found() -> None:
    report = make_report()
    assert report.duplicate_count == report.duplicate_rows == 2
    assert {finding.kind for finding in report.pii_findings} == {"credit_card"}
    assert {finding.kind for finding in report.secrets_findings} == {"aws_access_key"}


def test_one_failed_gate_fails_the_audit() -> None:
    report = make_report()
    assert report.verdict == "failed"
    allowed = tuple(replace(gate, status="suppressed", allowed=True) for gate in report.gates)
    assert replace(report, gates=allowed).verdict == "passed"
