"""States to the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_scans import Scanned, scan_folder

from forgelm.audit.language import LanguageSummary
from forgelm.audit.scan.finish import Asked, build_report, refuse_problems
from forgelm.base.errors import DataError

LANGUAGES = {"train": LanguageSummary(0, 6, (), "no languages"), "test": LanguageSummary(0, 2, (), "no languages")}


def test_the_report_of_a_scan(scanned: Scanned) -> None:
    report = build_report(scanned.source, scanned.searched, LANGUAGES, scanned.tools, Asked(allow_pii=True))
    assert report.total_samples == 8 and list(report.splits) == ["train", "test"]
    assert report.pii_severity["worst_tier"] == "critical" and report.pii_severity["total"] == 2
    assert report.near_duplicate_summary["pairs_per_split"] == {"train": 5, "test": 0}
    assert report.cross_split_overlap["pairs"]["train__test"]["leaked_rows_in_b"] == 1
    assert (report.duplicate_rows, report.duplicate_clusters) == (4, 1)
    assert [finding.kind for finding in report.findings] == ["credit_card", "email"]
    assert report.gates[0].status == "suppressed" and report.verdict == "passed"
    assert report.notes.count("no languages") == 1
    assert [(file.path, file.rows) for file in report.files] == [("train.jsonl", 6), ("test.jsonl", 2)]


def test_reading_texts_again_finds_the_same(scanned: Scanned, tmp_path: Path) -> None:
    again = scan_folder(tmp_path, text_bytes=0).searched
    assert again.found.near_pairs == scanned.searched.found.near_pairs
    assert [row.example for row in again.clusters[0].rows] == [row.example for row in scanned.searched.clusters[0].rows]


def test_strict_names_every_kind_of_problem(scanned: Scanned) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl:2: not JSON \(1 of them\)") as caught:
        refuse_problems(scanned.source, scanned.files, scanned.tools)
    assert len(caught.value.problems) == 2
