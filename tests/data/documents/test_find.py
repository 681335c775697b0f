"""Documents of a folder; links that lead out stay out."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.data.documents.find import find_documents


def test_found_and_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.txt", "a.md", "c.bin", "deep/d.txt"):
        (folder / name).write_text("x")
    (tmp_path / "out.txt").write_text("x")
    (folder / "l.txt").symlink_to(tmp_path / "out.txt")
    found, notes = find_documents(folder, recursive=False)
    assert [path.name for path in found] == ["a.md", "b.txt"]
    assert "leads out" in notes[0]
    assert len(find_documents(folder, recursive=True)[0]) == 3
    with pytest.raises(DataError, match="cannot be read"):
        find_documents(tmp_path / "absent", recursive=False)
