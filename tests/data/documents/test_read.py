"""Every format has its reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from damage import survive

from forgelm.data.documents.read import READERS, read_document
from forgelm.data.documents.record import ReadOptions


def test_by_ending(tmp_path: Path) -> None:
    assert {name for name, _ in READERS.values()} == {"docx", "epub", "html", "md", "pdf", "txt"}
    (tmp_path / "a.HTML").write_text("<p>x</p>")
    assert read_document(tmp_path / "a.HTML", ReadOptions()).pages[0].text == "x"


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.torture)])
@pytest.mark.parametrize("kind", ["pdf", "docx", "epub", "html"])
def test_damaged_documents_are_read_or_refused(kind: str, count: int, tmp_path: Path) -> None:
    survived = survive(kind, count, tmp_path)
    assert min(survived.read, survived.refused) > count / 100
