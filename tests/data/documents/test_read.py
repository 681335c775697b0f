"""Every format has its reader."""

from __future__ import annotations

from pathlib import Path

from forgelm.data.documents.read import READERS, read_document
from forgelm.data.documents.record import ReadOptions


def test_by_ending(tmp_path: Path) -> None:
    assert {name for name, _ in READERS.values()} == {"docx", "epub", "html", "md", "pdf", "txt"}
    (tmp_path / "a.HTML").write_text("<p>x</p>")
    assert read_document(tmp_path / "a.HTML", ReadOptions()).pages[0].text == "x"
