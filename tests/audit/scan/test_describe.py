"""The Croissant description of a scan, read by the reference implementation."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit_scans import Scanned

from forgelm.audit.dataset import audit_dataset
from forgelm.audit.language import LanguageSummary
from forgelm.audit.scan.describe import describe_dataset
from forgelm.audit.scan.finish import Asked, build_report

ROWS: list[dict[str, Any]] = [{"text": f"A row about parcel {number}.", "count": number} for number in range(6)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_files_with_a_digest_are_described(scanned: Scanned) -> None:
    nothing = {name: LanguageSummary(0, 0, ()) for name in ("train", "test")}
    asked = Asked(digests={"train.jsonl": "a" * 64})
    report = build_report(scanned.source, scanned.searched, nothing, scanned.tools, asked)
    description = describe_dataset(scanned.source, scanned.searched.places, report, None)
    (file,) = description["distribution"]
    assert (file["sha256"], file["contentUrl"]) == ("a" * 64, "train.jsonl")
    assert [part["name"] for part in description["recordSet"]] == ["splits", "train"]
    assert description["description"] == "8 rows in 2 splits, described by a dataset audit."
    assert "license" not in description
    bare = replace(report, files=tuple(replace(one, sha256=None) for one in report.files))
    without_files = describe_dataset(scanned.source, scanned.searched.places, bare, None)
    assert "distribution" not in without_files
    assert without_files["description"].endswith("so neither files nor columns are described.")


def test_files_are_found_from_where_the_description_stands(scanned: Scanned, tmp_path: Path) -> None:
    nothing = {name: LanguageSummary(0, 0, ()) for name in ("train", "test")}
    asked = Asked(digests={"train.jsonl": "a" * 64})
    report = build_report(scanned.source, scanned.searched, nothing, scanned.tools, asked)
    (scanned.folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    description = describe_dataset(scanned.source, scanned.searched.places, report, scanned.folder / "out" / "audit")
    assert description["distribution"][0]["contentUrl"] == "../../train.jsonl"
    assert description["license"] == "https://spdx.org/licenses/cc-by-4.0"
    assert len(description["dateModified"]) == len("2026-11-24")


@pytest.mark.parametrize(
    "files",
    [
        {"data.jsonl": "train"},
        {"data.csv": "train"},
        {"data.parquet": "train"},
        {"set/train.jsonl": "train", "set/dev.csv": "validation", "set/test.parquet": "test"},
        {"set/train/a.jsonl": "train", "set/train/b.jsonl": "train"},
    ],
    ids=", ".join,
)
def test_the_reference_implementation_reads_the_audited_rows(files: dict[str, str], tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is in the extra dev")
    for name in files:
        write_rows(tmp_path / name, ROWS)
    source = tmp_path / ("set" if len(files) > 1 else next(iter(files)))
    report = audit_dataset(str(source), output_dir=str(tmp_path / "out"), emit_croissant=True)
    assert json.loads((tmp_path / "out" / "croissant.json").read_text()) == report.croissant
    loaded = mlcroissant.Dataset(tmp_path / "out" / "croissant.json")
    assert loaded.metadata.issues.errors == set()
    sets = [part.id for part in loaded.metadata.record_sets][1:]
    assert len(sets) == len(files)
    for name in sets:
        rows = list(loaded.records(name))
        assert [row[f"{name}/count"] for row in rows] == [row["count"] for row in ROWS]
        assert [row[f"{name}/text"].decode() for row in rows] == [row["text"] for row in ROWS]
        assert {row[f"{name}/split#constant"].decode() for row in rows} <= set(files.values())
    types = {field["name"]: field["dataType"] for part in report.croissant["recordSet"][1:] for field in part["field"]}
    assert types == {"split": "sc:Text", "text": "sc:Text", "count": "sc:Integer"}
