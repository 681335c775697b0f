from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from vision import picture

from forgelm.base.errors import DataError
from forgelm.data.tables import drop_filled_nulls, keep_bytes, read_parquet

ROWS = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "name": "n"}], "id": None},
    {"messages": [{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}], "id": 2},
]


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_rows_come_back_as_they_were_written(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, compression=compression)
    assert read_parquet(path, "f").splits["train"] == [(1, ROWS[0]), (2, ROWS[1])]


def test_rows_are_numbered_across_batches(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"text": [str(number) for number in range(3000)]}), path)
    rows = read_parquet(path, "f").splits["train"]
    assert [number for number, _ in rows] == list(range(1, 3001))
    assert rows[2999][1] == {"text": "2999"}


def test_only_nested_nulls_are_dropped() -> None:
    row = {"a": None, "b": {"c": None, "d": [None, {"e": None}]}}
    assert drop_filled_nulls(row) == {"a": None, "b": {"d": [None, {}]}}


def test_damaged_files_and_double_columns_are_refused(write: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="f: cannot be read as Parquet"):
        read_parquet(Path(write("f.parquet", b"PAR1 not parquet PAR1")), "f")
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"text": ["a" * 1000] * 100}), whole)
    with pytest.raises(DataError, match="cannot be read"):
        read_parquet(Path(write("cut.parquet", whole.read_bytes()[:-20])), "f")
    twice = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), twice)
    with pytest.raises(DataError, match="same name"):
        read_parquet(twice, "f")


def test_images_of_a_table_stay_the_bytes_they_are() -> None:
    data = picture("red")
    table = datasets.Dataset.from_dict(
        {"image": [{"bytes": data, "path": "a.png"}], "images": [[{"bytes": data, "path": None}]], "text": ["t"]},
        features=datasets.Features(
            {"image": datasets.Image(), "images": datasets.List(datasets.Image()), "text": datasets.Value("string")}
        ),
    )
    (row,) = keep_bytes(table)
    assert row == {"image": {"bytes": data, "path": "a.png"}, "images": [{"bytes": data, "path": None}], "text": "t"}
