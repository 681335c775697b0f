"""The JSON that orchestrators read: exactly the documented keys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from audit_reports import make_report

from forgelm.audit.report.envelope import build_envelope

KEYS = [
    "success", "report_path", "generated_at", "source_input", "total_samples", "splits", "pii_summary", "pii_severity",
    "secrets_summary", "secrets_gate", "pii_gate", "quality_summary", "near_duplicate_pairs_per_split",
    "near_duplicate_summary", "cross_split_leakage_pairs", "croissant", "notes",
]  # fmt: skip


def test_the_keys_are_the_documented_ones() -> None:
    envelope = build_envelope(make_report(), Path("audit/data_audit_report.json"))
    assert list(envelope) == KEYS
    assert envelope["report_path"] == "audit/data_audit_report.json"
    assert envelope["splits"] == {"train": 5, "test": 1}
    assert envelope["near_duplicate_pairs_per_split"] == {"train": 3, "test": 0}
    assert envelope["cross_split_leakage_pairs"] == ["train__test"]
    assert envelope["secrets_gate"] == {
        "status": "failed",
        "severity": "critical",
        "critical_total": 1,
        "critical_types": ["aws_access_key"],
        "allow_secrets": False,
    }
    assert envelope["pii_gate"] == {
        "status": "failed",
        "severity": "critical",
        "critical_total": 1,
        "critical_types": ["credit_card"],
        "advisory_total": 0,
        "advisory_types": [],
        "allow_pii": False,
    }
    json.dumps(envelope)


def test_success_is_the_verdict() -> None:
    report = make_report()
    assert build_envelope(report, None)["success"] is False
    allowed = tuple(replace(gate, status="suppressed", allowed=True) for gate in report.gates)
    assert build_envelope(replace(report, gates=allowed), None)["success"] is True


def test_pairs_without_a_leak_are_not_listed() -> None:
    report = make_report()
    pairs = {"train__test": dict.fromkeys(report.cross_split_overlap["pairs"]["train__test"], 0)}
    envelope = build_envelope(replace(report, cross_split_overlap={"method": "simhash", "pairs": pairs}), None)
    assert envelope["cross_split_leakage_pairs"] == []
