"""``data_audit_report.json``: the contract's keys, valid JSON, and all or nothing."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from audit_reports import make_report

from forgelm.audit.report.write import REPORT_FILE, write_report
from forgelm.base.errors import StorageError


def test_the_file_holds_the_report(tmp_path: Path) -> None:
    report = replace(make_report(), notes=["ünï — 漢字"], quality_summary={"overall_quality_score": float("nan")})
    path = write_report(report, tmp_path / "new" / "folder")
    text = path.read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=pytest.fail)
    assert path.name == REPORT_FILE and "漢字" in text and "\r" not in text
    assert document["total_samples"] == report.total_samples and document["verdict"] == "failed"
    assert document["findings"][0]["place"] == {"split": "train", "row": 4, "where": "data.jsonl:5"}
    assert document["quality_summary"]["overall_quality_score"] is None


def test_the_values_found_are_not_in_it(tmp_path: Path) -> None:
    assert "4111" not in write_report(make_report(), tmp_path).read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="a file where a folder should be")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError, match="could not write"):
        write_report(make_report(), tmp_path / "taken")
