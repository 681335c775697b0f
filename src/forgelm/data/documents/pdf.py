"""Reads PDF: the text of each page in the range asked for; encrypted and scanned files are refused."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from pathlib import Path

from forgelm.base.extras import load_extra
from forgelm.data.documents.pdf_cleanup import drop_matter, strip_edges, strip_packed
from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

_SHOWN = 10
# What pypdf lets through of a damaged file besides its own errors; RuntimeError is also recursion without end, and
# what it has not implemented. Memory that runs out is for the parent process to tell.
_BROKEN: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_pdf(path: Path, options: ReadOptions) -> Document:
    """Return the pages with their numbers, without repeated headers and footers, contents and index pages."""
    pypdf = load_extra("pypdf", extra="ingest")
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("is encrypted", hint="save it without a password")
        total = len(reader.pages)
        numbers = _select(total, options.page_range)
        pages = [Page(reader.pages[number - 1].extract_text() or "", number) for number in numbers]
    except pypdf.errors.DependencyError as error:
        raise DocumentError("is encrypted", hint="save it without a password") from error
    except (pypdf.errors.PyPdfError, pypdf.errors.DeprecationError, *_BROKEN) as error:
        raise DocumentError(f"is damaged: {str(error) or type(error).__name__}") from error
    empty = [str(page.number) for page in pages if not page.text.strip()]
    if len(empty) == len(pages):
        raise DocumentError("holds no text: its pages are pictures (scanned)", hint="run text recognition (OCR) first")
    notes = []
    if empty:
        shown = ", ".join(empty[:_SHOWN]) + (", …" if len(empty) > _SHOWN else "")
        notes.append(f"{len(empty)} of {len(pages)} pages hold no text and may be scanned: {shown}")
    return _clean(pages, notes, options)


def _clean(pages: list[Page], notes: list[str], options: ReadOptions) -> Document:
    counts: Counter[str] = Counter()
    pages, counts["pdf_header_footer_lines_stripped"] = strip_edges(pages)
    pages, counts["pdf_paragraph_packed_lines_stripped"] = strip_packed(pages)
    if not options.keep_frontmatter:
        pages, dropped = drop_matter(pages)
        counts["frontmatter_pages_dropped"] = len(dropped)
        if dropped:
            notes.append(f"pages left out as contents or index: {', '.join(map(str, dropped))} (--keep-frontmatter)")
    return Document(tuple(pages), tuple(notes), counts)


def _select(total: int, wanted: tuple[int, int] | None) -> range:
    if total == 0:
        raise DocumentError("has no pages")
    if wanted is None:
        return range(1, total + 1)
    if wanted[0] > total:
        raise DocumentError(f"has {total} pages; --page-range begins at {wanted[0]}")
    return range(wanted[0], min(wanted[1], total) + 1)
