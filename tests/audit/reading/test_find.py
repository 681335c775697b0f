"""Names to files and splits."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import fsspec
import pytest
from support import order_rows, sections, write_rows

from forgelm.audit.reading.find import find_source, source_of_run
from forgelm.base.errors import DataError
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run


def _make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b'{"text": "x"}\n') if name.endswith(".gz") else b'{"text": "x"}\n')
    return folder


def _splits(folder: Path) -> dict[str, list[str]]:
    source = find_source(str(folder))
    return {split: [file.name for file in source.files if file.split == split] for split in source.splits}


def test_one_file_is_train(tmp_path: Path) -> None:
    assert find_source(str(_make(tmp_path, "test.jsonl") / "test.jsonl")).splits == ("train",)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train.jsonl", "dev.jsonl", "holdout.jsonl"],
         {"train": ["train.jsonl"], "validation": ["dev.jsonl"], "test": ["holdout.jsonl"]}),
        (["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl", "eval.jsonl.gz"],
         {"train": ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"], "test": ["eval.jsonl.gz"]}),
        (["train/0.jsonl", "train/1.jsonl", "valid/0.jsonl"],
         {"train": ["train/0.jsonl", "train/1.jsonl"], "validation": ["valid/0.jsonl"]}),
        (["b.jsonl", "a.jsonl"], {"a": ["a.jsonl"], "b": ["b.jsonl"]}),
    ],
)  # fmt: skip
def test_folders_are_sorted_into_splits(names: list[str], splits: dict[str, list[str]], tmp_path: Path) -> None:
    assert _splits(_make(tmp_path, *names)) == splits


def test_of_two_files_for_one_split_the_first_wins_and_the_other_is_named(tmp_path: Path) -> None:
    source = find_source(str(_make(tmp_path, "dev.jsonl", "val.jsonl", "train.jsonl", "README.md", "other.jsonl")))
    assert [file.name for file in source.files] == ["train.jsonl", "dev.jsonl"]
    assert any("not read: val.jsonl" in note for note in source.notes)
    assert any("other.jsonl" in note for note in source.notes)


def test_splits_without_a_name_are_said_to_be_so(tmp_path: Path) -> None:
    assert "no file is named after a split" in find_source(str(_make(tmp_path, "a.jsonl"))).notes[0]


@pytest.mark.parametrize(("name", "said"), [("a.pdf", r"kind \.pdf"), ("a.parquet.gz", "compressed Parquet")])
def test_other_files_are_refused(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        find_source(str(_make(tmp_path, name) / name))


def test_an_empty_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data file"):
        find_source(str(tmp_path))
    with pytest.raises(DataError, match="no such file"):
        find_source(str(tmp_path / "a.jsonl"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="not a regular file"):
        find_source(str(tmp_path / "a.jsonl"))


def test_addresses_and_folders_at_addresses() -> None:
    for name in ("train.jsonl", "test.jsonl"):
        with fsspec.open(f"memory://find/{name}", "wb") as stream:
            stream.write(b'{"text": "x"}\n')
    assert find_source("memory://find/test.jsonl").splits == ("train",)
    assert find_source("memory://find").splits == ("train", "test")


def test_the_rows_of_a_run(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "orders.jsonl", order_rows(40))
    config = ForgeConfig(**sections(data, tmp_path / "run"))
    source = source_of_run(prepare_run(config), "orders")
    assert source.splits == ("train", "validation")
    assert sum(len(file.rows) for file in source.files) == 40
    assert source.files[0].rows[0][0].startswith(str(data))
