"""The Croissant description of a scan."""

from __future__ import annotations

from dataclasses import replace

from audit_scans import Scanned

from forgelm.audit.language import LanguageSummary
from forgelm.audit.scan.describe import describe_dataset
from forgelm.audit.scan.finish import Asked, build_report


def test_files_with_a_digest_are_described(scanned: Scanned) -> None:
    nothing = {name: LanguageSummary(0, 0, ()) for name in ("train", "test")}
    asked = Asked(digests={"train.jsonl": "a" * 64})
    report = build_report(scanned.source, scanned.searched, nothing, scanned.tools, asked)
    description = describe_dataset(scanned.source, scanned.searched.places, report)
    (file,) = [item for item in description["distribution"] if item["@type"] == "cr:FileObject"]
    assert file["sha256"] == "a" * 64 and file["contentUrl"] == "train.jsonl"
    assert "train/text" in str(description["recordSet"]) or "text" in str(description["recordSet"])
    bare = replace(report, files=tuple(replace(one, sha256=None) for one in report.files))
    assert "cr:FileObject" not in str(describe_dataset(scanned.source, scanned.searched.places, bare))
