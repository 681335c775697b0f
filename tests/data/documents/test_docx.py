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
