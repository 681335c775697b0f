"""Small files of rows, written and prepared the way a user would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgelm.config.data import DataConfig
from forgelm.data.prepare import prepare
from forgelm.data.rows import PreparedData, Row


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """``write(name, content)``: content is text, bytes, or rows that become JSON lines. Returns the path as text."""

    def write_file(name: str, content: str | bytes | list[Any]) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_file


@pytest.fixture
def load(write: Callable[..., str]) -> Callable[..., PreparedData]:
    """``load(rows, **data_section)``: the rows as a JSONL file, prepared in file order."""

    def load_rows(rows: list[Any], *, seed: int = 42, **section: Any) -> PreparedData:
        config = DataConfig(dataset_name_or_path=write("rows.jsonl", rows), **{"shuffle": False, **section})
        return prepare(config, seed=seed, offline=True)

    return load_rows


@pytest.fixture
def all_values() -> Callable[[PreparedData], list[Any]]:
    """Return the values of every row, training and validation, in the order of the file."""

    def collect(prepared: PreparedData) -> list[Any]:
        rows: list[Row] = [*prepared.train, *(prepared.validation or ())]
        return [row.value for row in sorted(rows, key=lambda row: (row.source, row.number))]

    return collect
