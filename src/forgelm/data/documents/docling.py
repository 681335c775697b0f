"""Reads PDF, DOCX and HTML through docling, which looks at a page's layout and reads scans: pages of Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.data.documents.archive import open_archive
from forgelm.data.documents.record import MAX_FILE_BYTES, Document, DocumentError, Page, ReadOptions

ENDINGS = frozenset({".pdf", ".docx", ".htm", ".html", ".xhtml"})
_SHOWN = 3


def read_docling(path: Path, options: ReadOptions, converter: Any = None) -> Document:
    """Return the document's pages, numbered where its format has pages; ``converter`` is docling's own by default.

    Raises:
        DocumentError: docling could not convert it; it says why.
        OptionalDependencyError: docling is not installed.
    """
    if converter is None:
        converter = load_extra("docling.document_converter", extra="docling").DocumentConverter()
    if path.suffix.lower() == ".docx":
        with open_archive(path):
            pass  # a bomb is refused before docling unpacks it
    more = {"page_range": options.page_range} if options.page_range else {}
    done = converter.convert(path, raises_on_error=False, max_file_size=MAX_FILE_BYTES, **more)
    status = str(getattr(done.status, "value", done.status))
    said = "; ".join(str(getattr(error, "error_message", error)) for error in list(done.errors)[:_SHOWN])
    if status not in ("success", "partial_success"):
        raise DocumentError(f"is refused by docling ({status}): {said or 'it says no more'}")
    numbers = sorted(done.document.pages)
    pages = [Page(done.document.export_to_markdown(page_no=number), number) for number in numbers]
    pages = pages or [Page(done.document.export_to_markdown())]
    if not any(page.text.strip() for page in pages):
        raise DocumentError("holds no text that docling can read")
    return Document(tuple(pages), (f"docling read only a part of it: {said}",) if status != "success" else ())
