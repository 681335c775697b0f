"""A smallest valid configuration, in memory and as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgelm.config import ForgeConfig

MINIMAL = "model: {name_or_path: base}\nlora: {}\ntraining: {}\ndata: {dataset_name_or_path: rows.jsonl}\n"


@pytest.fixture
def sections() -> Callable[..., dict[str, Any]]:
    """Return a function: keyword sections laid over the smallest valid ones."""

    def merge(**changes: Any) -> dict[str, Any]:
        base: dict[str, Any] = {
            "model": {"name_or_path": "base"},
            "lora": {},
            "training": {},
            "data": {"dataset_name_or_path": "rows.jsonl"},
        }
        for name, change in changes.items():
            base[name] = {**base.get(name, {}), **change} if isinstance(change, dict) else change
        return base

    return merge


@pytest.fixture
def build(sections: Callable[..., dict[str, Any]]) -> Callable[..., ForgeConfig]:
    return lambda **changes: ForgeConfig(**sections(**changes))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Return a function that writes a configuration file and gives its path."""

    def write_file(content: str | bytes) -> str:
        path = tmp_path / "run.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_file


@pytest.fixture
def minimal() -> str:
    return MINIMAL
