from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.data.folders import find_split_files

SUFFIXES = frozenset({".jsonl", ".csv", ".json", ".txt", ".parquet"})


def find(folder: Path) -> tuple[dict[str, list[str]], list[str]]:
    return find_split_files(folder, "d", SUFFIXES)


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        (["b.jsonl", "a.csv"], {"train": ["a.csv", "b.jsonl"]}),
        (
            ["train-00002.parquet", "train-00001.parquet", "dev.jsonl"],
            {"train": ["train-00001.parquet", "train-00002.parquet"], "validation": ["dev.jsonl"]},
        ),
        (["train/a.jsonl", "test/a.jsonl", "README.txt"], {"train": ["train/a.jsonl"], "test": ["test/a.jsonl"]}),
        (["data/train.JSONL", ".hidden/x.csv", "_tmp.csv"], {"train": ["data/train.JSONL"]}),
        (["orders.jsonl", "orders_test.jsonl"], {"train": ["orders.jsonl"], "test": ["orders_test.jsonl"]}),
        (["train.jsonl", "dataset_info.json", "notes.md"], {"train": ["train.jsonl"]}),
    ],
)
def test_files_are_sorted_into_splits(
    write: Callable[..., str], tmp_path: Path, files: list[str], splits: dict[str, list[str]]
) -> None:
    for file in files:
        write(file, "x")
    assert find(tmp_path) == (splits, [])


def test_a_file_without_a_split_beside_a_training_file_is_reported(write: Callable[..., str], tmp_path: Path) -> None:
    for file in ("train.jsonl", "extra.jsonl"):
        write(file, "x")
    assert find(tmp_path) == ({"train": ["train.jsonl"]}, ["d: not used, as no split is in the name: extra.jsonl"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no data file in this folder \\(found: nothing\\)"),
        (["a.xlsx", "README.md"], "found: README.md, a.xlsx"),
        (["data-00000.arrow", "state.json"], "save_to_disk"),
        (["test.jsonl"], "no file to train on \\(found: test.jsonl\\)"),
    ],
)
def test_a_folder_without_training_data_says_what_was_found(
    write: Callable[..., str], tmp_path: Path, files: list[str], message: str
) -> None:
    for file in files:
        write(file, "x")
    with pytest.raises(DataError, match=message):
        find(tmp_path)
