"""Archives: bombs, paths that lead out, and XML that grows are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from forgelm.data.documents.archive import leads_out, open_archive
from forgelm.data.documents.record import DocumentError


@pytest.mark.parametrize(("name", "size", "why"), [("x", 50 * 2**20, "zip bomb"), ("../x", 5, "leads out")])
def test_bombs_and_climbers(name: str, size: int, why: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, b"0" * size)
    with pytest.raises(DocumentError, match=why), open_archive(tmp_path / "a.docx"):
        pass


def test_entities(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as made:
        made.writestr("x.xml", '<!DOCTYPE a [<!ENTITY b "ha">]><a>&b;</a>')
    with open_archive(tmp_path / "a.docx") as opened, pytest.raises(DocumentError, match="declares entities"):
        opened.read_xml("x.xml")
    assert leads_out("C:/x")
    assert not leads_out("a/b")
