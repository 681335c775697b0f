"""Reads DOCX: paragraphs and tables in document order, then its notes; headings and tables become Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forgelm.data.documents.archive import Archive, open_archive
from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

_MARGIN = re.compile(r"word/(?:header|footer)\d*\.xml")
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_MARGIN_LENGTH = 80
_SPOKEN = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# What stands in these is shown twice or is no text of the document.
_UNSEEN = frozenset({"Fallback", "instrText", "delText", "moveFrom", "pPr", "rPr"})


def read_docx(path: Path, options: ReadOptions) -> Document:
    """Return the document's text as one page; lines that its headers and footers repeat are left out, and counted."""
    with open_archive(path) as archive:
        root = archive.read_xml("word/document.xml")
        notes = [archive.read_xml(name) for name in _NOTES if name in archive.names]
        margins = {
            line
            for name in sorted(archive.names)
            if _MARGIN.fullmatch(name)
            for line in _margin_lines(archive, name)
            if len(line) <= _MARGIN_LENGTH
        }
    body = next((child for child in root if _name(child) == "body"), None)
    if body is None:
        raise DocumentError("is damaged: word/document.xml has no body")
    blocks = [block for part in (body, *notes) for block in _blocks(part) if block.strip()]
    kept = [block for block in blocks if block.strip() not in margins]
    left_out = len(blocks) - len(kept)
    told = (f"{left_out} paragraphs repeat its header or footer and were left out",) if left_out else ()
    return Document((Page("\n\n".join(kept)),), told, Counter({"docx_margin_lines_stripped": left_out}))


def _margin_lines(archive: Archive, name: str) -> list[str]:
    return [block.strip() for block in _blocks(archive.read_xml(name)) if block.strip()]


def _blocks(parent: Any) -> Iterator[str]:
    for child in parent:
        name = _name(child)
        if name == "p":
            yield _heading(child) + _text(child)
        elif name == "tbl":
            yield _table(child)
        elif name not in _UNSEEN:
            yield from _blocks(child)


def _heading(paragraph: Any) -> str:
    style = next((node for node in paragraph.iter() if _name(node) == "pStyle"), None)
    named = "" if style is None else next((value for key, value in style.items() if key.endswith("}val")), "")
    level = re.fullmatch(r"(?i)heading ?([1-6])", named)
    return "#" * int(level[1]) + " " if level else ""


def _text(node: Any) -> str:
    name = _name(node)
    if name == "t":
        return node.text or ""
    if name in _UNSEEN:
        return ""
    return _SPOKEN.get(name, "") + "".join(_text(child) for child in node)


def _table(table: Any) -> str:
    rows = [[_cell(cell) for cell in _own(row, "tc")] for row in _own(table, "tr")]
    lines = [f"| {' | '.join(row)} |" for row in rows if row]
    return "\n".join([*lines[:1], *([f"|{' --- |' * len(rows[0])}"] if lines else []), *lines[1:]])


def _own(parent: Any, wanted: str) -> Iterator[Any]:
    """Yield the rows of a table, or the cells of a row, whatever they are wrapped in; not those of a table inside."""
    for child in parent:
        name = _name(child)
        if name == wanted:
            yield child
        elif name not in _UNSEEN and name != "tbl":
            yield from _own(child, wanted)


def _cell(cell: Any) -> str:
    return " ".join(" ".join(_blocks(cell)).split()).replace("|", "\\|")


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]
