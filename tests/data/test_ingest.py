"""Ingestion: rows with their origin, all or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.base.errors import ArgumentError, ConfigError, DataError
from forgelm.base.files import sha256_bytes, sha256_file
from forgelm.data.chunk import Cutting
from forgelm.data.ingest import IngestOptions, ingest_documents


def test_rows_name_their_source_and_a_bad_file_is_noted(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("first\n\nsecond")
    (folder / "b.pdf").write_text("no pdf")
    out = tmp_path / "out.jsonl"
    result = ingest_documents(folder, output_path=out)
    (row,) = map(json.loads, out.read_text().splitlines())
    assert (row["text"], row["source"], row["page"]) == ("first\n\nsecond", "a.txt", None)
    assert row["id"] == sha256_bytes(row["text"].encode())
    assert row["source_sha256"] == sha256_file(folder / "a.txt")
    assert (result.files_processed, result.files_skipped) == (1, 1)
    assert "b.pdf" in result.notes[0]


def test_nothing_is_written_when_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "b.pdf").write_text("no pdf")
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    with pytest.raises(DataError, match=r"b\.pdf' is damaged"):
        ingest_documents(tmp_path / "b.pdf", output_path=out)
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.pdf", "out.jsonl"]


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(ConfigError, match="overwritten"):
        ingest_documents(tmp_path, output_path=tmp_path / "a.txt")
    with pytest.raises(ArgumentError, match="no overlap"):
        ingest_documents(tmp_path, output_path=tmp_path / "o", options=IngestOptions(cutting=Cutting(overlap=5)))
