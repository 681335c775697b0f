"""Limits of time and memory: each ends in an error that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.data.documents.apart import read_apart
from forgelm.data.documents.record import DocumentError, ReadOptions


def test_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x" * 200 * 2**20)
    with pytest.raises(DocumentError, match=r"a\.txt' is refused: .* MiB of memory"):
        read_apart(path, ReadOptions(), max_memory_bytes=300 * 2**20)
    with pytest.raises(DocumentError, match=r"a\.txt' is refused: .* longer than"):
        read_apart(path, ReadOptions(), timeout_seconds=0.01)
    path.write_text("short")
    assert read_apart(path, ReadOptions()).pages[0].text == "short"
