"""What reading a document needs to know and what comes of it: options in, pages of text with notes and counts out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from forgelm.base.errors import DataError

URL_MODES = ("keep", "mask", "strip")
PROFILES = ("turkish", "none")
BACKENDS = ("builtin", "docling")
LANGUAGES = ("de", "en", "es", "fr", "it", "pt", "tr")
MAX_FILE_BYTES = 256 * 2**20


class DocumentError(DataError):
    """A document cannot be read, or is refused; the message says why, whoever opened it adds the file's name."""


@dataclass(frozen=True)
class ReadOptions:
    """How documents are read and cleaned. ``page_range`` counts from 1, both ends included."""

    backend: str = "builtin"
    input_encoding: str | None = None
    keep_md_frontmatter: bool = False
    epub_skip_frontmatter: bool = True
    page_range: tuple[int, int] | None = None
    keep_frontmatter: bool = False
    language_hint: str | None = None
    max_unexpected_ratio: float = 0.015
    profile: str = "none"
    strip_patterns: tuple[str, ...] = ()
    pattern_timeout_seconds: float | None = 5.0
    urls: str = "keep"


@dataclass(frozen=True)
class Page:
    """One page's text. ``number`` is a PDF's page or an EPUB's place in the reading order, from 1; else ``None``."""

    text: str
    number: int | None = None


@dataclass(frozen=True)
class Document:
    """A document's pages in order, what a person should know about the reading, and what was removed, by name."""

    pages: tuple[Page, ...]
    notes: tuple[str, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
