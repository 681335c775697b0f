"""``data_audit_report.json``: the contract's keys, and valid JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from audit_reports import make_report

from forgelm.audit.report.document import build_document
from forgelm.base.files import render_json


def test_the_document_holds_the_report() -> None:
    report = replace(make_report(), notes=["ünï 漢字"], quality_summary={"overall_quality_score": float("nan")})
    text = render_json(build_document(report)).decode("utf-8")
    document = json.loads(text, parse_constant=pytest.fail)
    assert "漢字" in text and "\r" not in text
    assert document["total_samples"] == report.total_samples and document["verdict"] == "failed"
    assert document["findings"][0]["place"] == {"split": "train", "row": 4, "where": "data.jsonl:5"}
    assert document["quality_summary"]["overall_quality_score"] is None


def test_the_values_found_are_not_in_it() -> None:
    assert b"4111" not in render_json(build_document(make_report()))
