"""EPUB: reading order, front matter."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from forgelm.data.documents.epub import read_epub
from forgelm.data.documents.record import DocumentError, ReadOptions


def _write(path: Path, href: str) -> None:
    kind = 'media-type="application/xhtml+xml"'
    items = f'<item id="n" href="nav.xhtml" {kind}/><item id="c" href="{href}" {kind}/>'
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("META-INF/container.xml", '<c><rootfile full-path="O/p.opf"/></c>')
        made.writestr("O/p.opf", f'<p>{items}<itemref idref="n"/><itemref idref="c"/></p>')
        made.writestr("O/nav.xhtml", "<p>Contents</p>")
        made.writestr("O/ch 1.xhtml", "<p>It began.</p>")


def test_chapters_in_order(tmp_path: Path) -> None:
    _write(tmp_path / "a.epub", "ch%201.xhtml")
    document = read_epub(tmp_path / "a.epub", ReadOptions())
    assert [(page.text, page.number) for page in document.pages] == [("It began.", 2)]
    assert len(read_epub(tmp_path / "a.epub", ReadOptions(epub_skip_frontmatter=False)).pages) == 2
    _write(tmp_path / "b.epub", "../../etc/passwd")
    with pytest.raises(DocumentError, match="leads out"):
        read_epub(tmp_path / "b.epub", ReadOptions())
