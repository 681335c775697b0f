"""CSV and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.reading.blocks import iterate_blocks, read_block
from forgelm.audit.reading.find import find_source
from forgelm.base.errors import DataError


def _read(path: Path) -> list[ReadBatch]:
    source = find_source(str(path))
    return [batch for block in iterate_blocks(source) for batch in read_block(source.files[0], block)]


def _rows(batches: list[ReadBatch]) -> list[dict[str, Any]]:
    return [batch.read_row(row) for batch in batches for row in range(len(batch))]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_every_cell_is_the_text_it_is(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [["id", "text"], ["007", "NA"], ["2024-01-01", '"two\nlines"'], ["", "null"]]
    path.write_text("\ufeff" + "\r\n".join(mark.join(line) for line in lines) + "\r\n", encoding="utf-8")
    assert _rows(_read(path)) == [
        {"id": "007", "text": "NA"},
        {"id": "2024-01-01", "text": "two\nlines"},
        {"id": "", "text": "null"},
    ]


def test_rows_with_other_cells_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3\n4,5,6\n7,8\n")
    batches = _read(path)
    assert _rows(batches) == [{"a": "1", "b": "2"}, {"a": "7", "b": "8"}]
    assert sum(batch.problems.counts.get("wrong_cells", 0) for batch in batches) == 2


def test_bytes_that_are_not_utf8_do_not_end_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("a,b\nm\udcfcller,\ufffd\n".encode("utf-8", "surrogateescape"))
    (batch,) = _read(path)
    assert _rows([batch]) == [{"a": "m\ufffdller", "b": "\ufffd"}]
    assert batch.problems.counts == {"not_utf8": 1}


def test_tables_in_utf16_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a;b\ngrün;😀\n", encoding="utf-16")
    (batch,) = _read(path)
    assert _rows([batch]) == [{"a": "grün", "b": "😀"}] and batch.problems.counts == {}


@pytest.mark.parametrize(("content", "said"), [("", "holds no rows"), ("a,a\n1,2\n", "more than once")])
def test_bad_headers_are_named(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        _read(path)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_parquet_is_read_by_row_groups(compression: str, tmp_path: Path) -> None:
    rows = [{"text": f"row {number}", "n": number, "m": [{"role": "user", "content": None}]} for number in range(25)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=10, compression=compression)
    assert len(list(iterate_blocks(find_source(str(path))))) == 3
    assert _rows(_read(path)) == rows


def test_damaged_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as Parquet"):
        _read(path)
