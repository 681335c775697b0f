"""DOCX: headings, tables, repeated headers."""

from __future__ import annotations

import zipfile
from pathlib import Path

from forgelm.data.documents.docx import read_docx
from forgelm.data.documents.record import ReadOptions

_NS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def test_paragraphs_tables_and_margins(tmp_path: Path) -> None:
    def line(text: str, style: str = "") -> str:
        named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{named}<w:r><w:t>{text}</w:t></w:r></w:p>"

    cells = "".join(f"<w:tc>{line(text)}</w:tc>" for text in ("a|b", "c"))
    body = line("Title", "Heading1") + line("Secret Corp") + f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as made:
        made.writestr("word/document.xml", f"<w:document {_NS}><w:body>{body}</w:body></w:document>")
        made.writestr("word/header1.xml", f"<w:hdr {_NS}>{line('Secret Corp')}</w:hdr>")
    document = read_docx(tmp_path / "a.docx", ReadOptions())
    assert document.pages[0].text == "# Title\n\n| a\\|b | c |\n| --- | --- |"
    assert document.counts["docx_margin_lines_stripped"] == 1


def _write(path: Path, body: str, **parts: str) -> None:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("word/document.xml", f"<w:document {_NS}><w:body>{body}</w:body></w:document>")
        for name, text in parts.items():
            made.writestr(f"word/{name}.xml", f"<w:{name} {_NS}>{text}</w:{name}>")


def _line(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_table_inside_a_table_is_there_once_and_wrapped_cells_are_there(tmp_path: Path) -> None:
    inner = f"<w:tbl><w:tr><w:tc>{_line('in')}</w:tc></w:tr></w:tbl>"
    wrapped = f"<w:sdt><w:sdtContent><w:tc>{_line('held')}</w:tc></w:sdtContent></w:sdt>"
    _write(tmp_path / "a.docx", f"<w:tbl><w:tr><w:tc>{_line('out')}{inner}</w:tc>{wrapped}</w:tr></w:tbl>")
    text = read_docx(tmp_path / "a.docx", ReadOptions()).pages[0].text
    assert text.count("in") == 1
    assert "held" in text and "out" in text
    assert len(text.splitlines()) == 2


def test_notes_stand_at_the_end(tmp_path: Path) -> None:
    notes = {name: f"<w:note>{_line(name)}</w:note>" for name in ("footnotes", "endnotes")}
    _write(tmp_path / "a.docx", _line("Body"), **notes)
    assert read_docx(tmp_path / "a.docx", ReadOptions()).pages[0].text == "Body\n\nfootnotes\n\nendnotes"
