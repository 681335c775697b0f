"""Reads HTML: paragraphs stay apart, headings and lists become Markdown, scripts and styles are left out."""

from __future__ import annotations

import codecs
import re
from html.parser import HTMLParser
from pathlib import Path

from forgelm.data.documents.plain import decode, knows_codec
from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

_UNSEEN = frozenset({"script", "style", "template", "noscript", "title", "svg"})
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "dd", "div", "dl", "dt", "figcaption", "figure", "footer"}
    | {"form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section"}
    | {"table", "tr", "ul"}
)
_TIGHT = frozenset({"li", "tr", "dt", "dd"})
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
# No text of a page: a control character that HTML forbids.
_AS_IS = "\x01"
_SPACE = re.compile(r"\s+")


def read_hypertext(path: Path, options: ReadOptions) -> Document:
    """Return the page's visible text as one page."""
    data = path.read_bytes()
    text, notes = decode(data, options.input_encoding or _find_charset(data))
    return Document((Page(hypertext_to_text(text)),), notes)


def hypertext_to_text(markup: str) -> str:
    """Return the visible text of ``markup``.

    Raises:
        DocumentError: it has a section that no HTML has.
    """
    reader = _TextReader()
    try:
        reader.feed(markup)
        reader.close()
    except AssertionError as error:
        # Python's own parser ends so at a marked section of an unknown kind.
        raise DocumentError(f"is damaged: {error}") from error
    return reader.render()


def _find_charset(data: bytes) -> str | None:
    named = _CHARSET.search(data[:2048])
    if named is None or data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    charset = named[1].decode("ascii", "replace")
    return charset if knows_codec(charset) else None


class _TextReader(HTMLParser):
    """Collects text; a line break in ``_parts`` is meant, every other run of white space becomes one blank.

    A line that holds ``_AS_IS`` is one of preformatted text, whose indentation is meant too.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._unseen = 0
        self._raw = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._parts.append("\n")
        elif tag in ("td", "th"):
            self._parts.append(" | ")
        elif tag in _BLOCKS:
            self._parts.append("\n" if tag in _TIGHT else "\n\n")
            if tag == "li":
                self._parts.append("- ")
            elif re.fullmatch("h[1-6]", tag):
                self._parts.append("#" * int(tag[1]) + " ")
            self._raw += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self._raw = max(0, self._raw - (tag == "pre"))
            self._parts.append("\n" if tag in _TIGHT else "\n\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # <script/> opens nothing in XHTML, and would hide the rest of the page.
        if tag not in _UNSEEN:
            self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(_AS_IS + data.replace("\n", f"\n{_AS_IS}") if self._raw else _SPACE.sub(" ", data))

    def render(self) -> str:
        lines = "".join(self._parts).split("\n")
        lines = [line.replace(_AS_IS, "") if _AS_IS in line else line.lstrip(" |") for line in lines]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
