"""The copy without duplicates, and the record of what is not in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_scans import Scanned

from forgelm import audit_dataset
from forgelm.audit.reading.find import find_source
from forgelm.audit.scan.clean import check_output, write_clean
from forgelm.base.errors import ConfigError


def test_lines_stay_as_they_are_and_everything_left_out_is_named(scanned: Scanned, tmp_path: Path) -> None:
    written = write_clean(tmp_path / "clean.jsonl", scanned.searched.places, scanned.searched.found)
    assert [path.name for path in written] == [
        "clean.train.jsonl", "clean.test.jsonl", "clean.jsonl.left_out.jsonl",
    ]  # fmt: skip
    lines = (scanned.folder / "train.jsonl").read_bytes().splitlines()
    assert written[0].read_bytes().splitlines() == [lines[0], lines[5], lines[6]]
    assert [json.loads(line)["text"] for line in written[1].read_text().splitlines()] == ["alone here"]
    record = [json.loads(line) for line in written[2].read_text().splitlines()]
    assert [(row["split"], row["row"], row["reason"], row["kept_row"]) for row in record] == [
        ("train", 1, "near", 0),
        ("train", 2, "exact", 0),
        ("train", 3, "near", 0),
        ("test", 1, "exact", 0),
    ]


def test_other_files_become_json(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,same words here\n2,same words here\n3,others\n")
    audit_dataset(str(path), dedup_output=str(tmp_path / "clean.jsonl"), exclude=["id"])
    rows = [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text().splitlines()]
    assert rows == [{"id": "1", "text": "same words here"}, {"id": "3", "text": "others"}]


def test_a_clean_copy_holds_no_duplicates(scanned: Scanned, tmp_path: Path) -> None:
    audit_dataset(str(scanned.folder), dedup_output=str(tmp_path / "clean.jsonl"))
    (tmp_path / "clean.jsonl.left_out.jsonl").unlink()
    assert audit_dataset(str(tmp_path)).duplicate_count == 0


@pytest.mark.parametrize("name", ["train.jsonl", "clean.csv"])
def test_the_dataset_is_not_replaced(name: str, scanned: Scanned) -> None:
    with pytest.raises(ConfigError, match="dataset itself" if name == "train.jsonl" else "JSON lines"):
        check_output(scanned.folder / name, find_source(str(scanned.folder)).files)
