"""Picks the reader for a file by its ending and cleans what it read. Runs inside the child process of ``apart.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from forgelm.data.documents.docling import ENDINGS, read_docling
from forgelm.data.documents.docx import read_docx
from forgelm.data.documents.epub import read_epub
from forgelm.data.documents.hypertext import read_hypertext
from forgelm.data.documents.pdf import read_pdf
from forgelm.data.documents.plain import read_markdown, read_plain
from forgelm.data.documents.record import MAX_FILE_BYTES, Document, DocumentError, ReadOptions
from forgelm.data.documents.repair import repair

Reader = Callable[[Path, ReadOptions], Document]
READERS: MappingProxyType[str, tuple[str, Reader]] = MappingProxyType(
    {
        ".docx": ("docx", read_docx),
        ".epub": ("epub", read_epub),
        ".htm": ("html", read_hypertext),
        ".html": ("html", read_hypertext),
        ".markdown": ("md", read_markdown),
        ".md": ("md", read_markdown),
        ".pdf": ("pdf", read_pdf),
        ".txt": ("txt", read_plain),
        ".xhtml": ("html", read_hypertext),
    }
)


def read_document(path: Path, options: ReadOptions) -> Document:
    """Return the cleaned text of the document at ``path``.

    Raises:
        DocumentError: it cannot be read, or is refused; the message goes on after the file's name.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DocumentError(f"is refused: it is larger than {MAX_FILE_BYTES // 2**20} MiB")
    ending = path.suffix.lower()
    read = read_docling if options.backend == "docling" and ending in ENDINGS else READERS[ending][1]
    return repair(read(path, options), options)
