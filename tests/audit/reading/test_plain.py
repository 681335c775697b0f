"""Plain lines, JSON documents and ready rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.reading.find import find_source
from forgelm.audit.reading.plain import parse_document, parse_rows, parse_text_lines
from forgelm.base.errors import DataError


def _rows(batches: list[ReadBatch]) -> list[dict[str, Any]]:
    return [batch.read_row(row) for batch in batches for row in range(len(batch))]


def test_every_line_that_is_not_blank_is_a_row() -> None:
    batch = parse_text_lines(b"one\r\n\n  \ntwo \xff\n")
    assert _rows([batch]) == [{"text": "one"}, {"text": "two \ufffd"}]
    assert batch.line_count == 4 and batch.line_of(1) == 3 and batch.problems.counts == {"not_utf8": 1}


@pytest.mark.parametrize("key", [None, "train", "data"])
def test_documents_hold_an_array(key: str | None, tmp_path: Path) -> None:
    rows = [{"a": 1}, {"a": "x"}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows if key is None else {key: rows, "version": 1}, indent=1))
    assert _rows(list(parse_document(find_source(str(path)).files[0]))) == rows


@pytest.mark.parametrize("content", ["", "{", "7", '"x"', "[" * 100_000])
def test_other_documents_are_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"a\.json"):
        list(parse_document(find_source(str(path)).files[0]))


def test_documents_in_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": "grün"}]', encoding="utf-16")
    (batch,) = parse_document(find_source(str(path)).files[0])
    assert _rows([batch]) == [{"a": "grün"}] and batch.problems.counts == {}
    path.write_bytes(b'[{"a": "gr\xfcn"}]')
    (batch,) = parse_document(find_source(str(path)).files[0])
    assert _rows([batch]) == [{"a": "gr\ufffdn"}] and batch.problems.counts == {"not_utf8": 1}


def test_a_document_of_several_splits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"train": [{"a": "x"}], "test": [{"a": "y"}]}')
    with pytest.raises(DataError, match="several lists of rows: train, test"):
        list(parse_document(find_source(str(path)).files[0]))


def test_a_json_file_of_lines_is_read_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}\nbroken\n{"a": 2}\n')
    assert find_source(str(path)).files[0].kind == "lines"


def test_ready_rows_are_read_in_parts_and_what_is_no_row_is_counted() -> None:
    batches = list(parse_rows([{"a": str(number)} for number in range(5000)] + ["no row", {"a": "\ud800"}]))
    assert len(batches) > 1 and len(_rows(batches)) == 5001
    assert batches[-1].problems.counts == {"not_object": 1, "lone_surrogate": 1}
    assert _rows(batches)[-1] == {"a": "\ufffd"}
