"""Reads EPUB: the chapters in reading order, each as one page; covers, contents and the like are left out by name."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from forgelm.data.documents.archive import Archive, leads_out, open_archive
from forgelm.data.documents.hypertext import hypertext_to_text
from forgelm.data.documents.plain import decode
from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FRONT = frozenset({"nav", "cover", "copyright", "colophon", "titlepage", "frontmatter"})
_SHOWN = 6


def read_epub(path: Path, options: ReadOptions) -> Document:
    """Return the book's chapters as pages numbered by their place in the reading order."""
    with open_archive(path) as archive:
        chapters = _list_chapters(archive)
        _refuse_locked(archive, {name for name, _ in chapters})
        pages, skipped = [], []
        for number, (name, words) in enumerate(chapters, start=1):
            if options.epub_skip_frontmatter and words & _FRONT:
                skipped.append(posixpath.basename(name))
                continue
            pages.append(Page(hypertext_to_text(decode(archive.read(name), None)[0]), number))
    if not any(page.text.strip() for page in pages):
        raise DocumentError("holds no text", hint="--epub-no-skip-frontmatter keeps covers and contents too")
    more = ", …" if len(skipped) > _SHOWN else ""
    notes = (f"left out as front matter: {', '.join(skipped[:_SHOWN])}{more}",) if skipped else ()
    return Document(tuple(pages), notes, Counter({"epub_items_skipped": len(skipped)}))


def _list_chapters(archive: Archive) -> list[tuple[str, frozenset[str]]]:
    """Return the path of every chapter and the words of its name and type, in reading order."""
    root = _find(archive.read_xml(_CONTAINER), "rootfile")
    package = str(root[0].get("full-path", "")) if root else ""
    if not package:
        raise DocumentError(f"is damaged: {_CONTAINER} names no package")
    document = archive.read_xml(_inside(package, ""))
    items = {item.get("id"): item for item in _find(document, "item")}
    chapters = []
    for reference in _find(document, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None:
            raise DocumentError(f"is damaged: its reading order names '{reference.get('idref')}', which it has not")
        if "html" in item.get("media-type", ""):
            href = item.get("href", "")
            named = f"{posixpath.basename(href)} {item.get('id')} {item.get('properties') or ''}"
            words = frozenset(re.findall(r"[a-z]+", re.sub(r"\.\w+", "", named).lower()))
            chapters.append((_inside(href, posixpath.dirname(package)), words))
    if not chapters:
        raise DocumentError("is damaged: its reading order is empty")
    return chapters


def _inside(href: str, folder: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
    if leads_out(path):
        raise DocumentError(f"is refused: the path '{href}' leads out of it")
    return path


def _refuse_locked(archive: Archive, chapters: set[str]) -> None:
    if _ENCRYPTION not in archive.names:
        return
    # Books often lock their fonts only; those are not read.
    locked = {unquote(str(node.get("URI", ""))) for node in _find(archive.read_xml(_ENCRYPTION), "CipherReference")}
    if locked & chapters:
        raise DocumentError("is encrypted (digital rights management)")


def _find(root: Any, name: str) -> list[Any]:
    return [node for node in root.iter() if str(node.tag).rpartition("}")[2] == name]
