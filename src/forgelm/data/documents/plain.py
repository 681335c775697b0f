"""Reads plain text and Markdown: bytes in any codec to text, a Markdown file's YAML header removed."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

_MAX_REPLACED_RATIO = 0.01
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEADER = re.compile(r"\A---[ \t]*\n.*?^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE | re.DOTALL)


def read_plain(path: Path, options: ReadOptions) -> Document:
    """Return the file's text as one page."""
    text, notes = decode(path.read_bytes(), options.input_encoding)
    return Document((Page(text),), notes)


def read_markdown(path: Path, options: ReadOptions) -> Document:
    """Return the file's text as one page, without its YAML header unless that is to be kept."""
    text, notes = decode(path.read_bytes(), options.input_encoding)
    return Document((Page(text if options.keep_md_frontmatter else _HEADER.sub("", text, count=1)),), notes)


def knows_codec(name: str) -> bool:
    """Whether there is a codec of this name that makes text of bytes; Python has others too."""
    try:
        # Nothing at all is decoded by a codec of any name.
        bytes(4).decode(name)
    except UnicodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True


def decode(data: bytes, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    """Return ``data`` as text with LF line ends, and notes; without ``encoding`` a byte order mark decides, else UTF-8.

    Raises:
        DocumentError: ``data`` is not text, or not in ``encoding``.
    """
    notes: tuple[str, ...] = ()
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    codec = encoding or marked or "utf-8"
    if encoding is None and marked is None and b"\0" in data:
        raise DocumentError("is not text: it holds NUL bytes", hint="give --input-encoding if it is UTF-16 or UTF-32")
    try:
        text = data.decode(codec)
    except UnicodeError as error:
        if encoding is not None or marked is not None:
            where = f"byte {error.start} cannot be decoded" if isinstance(error, UnicodeDecodeError) else error
            raise DocumentError(f"is not {codec}: {where}") from error
        text = data.decode(codec, "replace")
        replaced = text.count("\ufffd")
        if replaced > _MAX_REPLACED_RATIO * len(text):
            notes = (f"{replaced} characters are not UTF-8 and became U+FFFD; --input-encoding names the right codec",)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), notes
