"""Takes out of a PDF's pages what is layout and not text: running headers and footers, contents, index."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from forgelm.data.documents.record import Page

_EDGE_LINES = 3
_MIN_REPEATS = 3
_REPEATED_SHARE = 0.70
_MATTER_PAGES = 12
_MAX_ALPHABETIC = 0.30
_MIN_LEADERS = 0.10
_MIN_NUMBERS = 5
_BLANK = re.compile(r"\n[ \t]*\n")


def strip_edges(pages: list[Page]) -> tuple[list[Page], int]:
    """Return the pages without lines that stand at the top or bottom of at least 70 % of them, and how many went."""
    if len(pages) < _MIN_REPEATS:
        return pages, 0
    lines = [page.text.split("\n") for page in pages]
    needed = max(2, math.ceil(_REPEATED_SHARE * len(pages)))
    stripped = 0
    while True:
        seen = Counter(line for page in lines for line in {page[at].strip() for at in _edges(page)})
        repeated = {line for line, count in seen.items() if count >= needed}
        if not repeated:
            break
        for page in lines:
            gone = {at for at in _edges(page) if page[at].strip() in repeated}
            page[:] = [line for at, line in enumerate(page) if at not in gone]
            stripped += len(gone)
    return [replace(page, text="\n".join(kept)) for page, kept in zip(pages, lines, strict=True)], stripped


def strip_packed(pages: list[Page]) -> tuple[list[Page], int]:
    """Return the pages without a first line that at least 70 % of all blocks between blank lines begin with."""
    blocks = [_BLANK.split(page.text) for page in pages]
    firsts = Counter(block.strip().split("\n")[0].strip() for page in blocks for block in page if "\n" in block.strip())
    total = sum(1 for page in blocks for block in page if block.strip())
    repeated = {line for line, count in firsts.items() if count >= max(_MIN_REPEATS, _REPEATED_SHARE * total)}
    if not repeated or total < _MIN_REPEATS:
        return pages, 0
    kept, stripped = [], 0
    for page, parts in zip(pages, blocks, strict=True):
        packed = ["\n" in part.strip() and part.strip().split("\n")[0].strip() in repeated for part in parts]
        stripped += sum(packed)
        texts = [part.strip().partition("\n")[2] if gone else part for part, gone in zip(parts, packed, strict=True)]
        kept.append(replace(page, text="\n\n".join(texts)))
    return kept, stripped


def drop_matter(pages: list[Page]) -> tuple[list[Page], list[int]]:
    """Return the pages without tables of contents and indexes at either end, and the numbers of those that went."""
    front = _count_while(_is_matter, pages[:_MATTER_PAGES])
    back = _count_while(_is_matter, reversed(pages[front:][-_MATTER_PAGES:]))
    if front + back >= len(pages):
        return pages, []
    kept = pages[front : len(pages) - back]
    numbers = {page.number for page in kept}
    return kept, [page.number for page in pages if page.number is not None and page.number not in numbers]


def _is_matter(page: Page) -> bool:
    solid = re.sub(r"\s", "", page.text)
    if not solid:
        return False
    alphabetic = sum(map(str.isalpha, solid)) / len(solid)
    leaders = sum(len(run) for run in re.findall(r"\.{3,}|_{3,}", solid)) / len(solid)
    numbers = len(re.findall(r"(?:^|[\s._])\d{1,3}[ \t]*$", page.text, re.MULTILINE))
    return alphabetic < _MAX_ALPHABETIC and leaders > _MIN_LEADERS and numbers >= _MIN_NUMBERS


def _edges(page: list[str]) -> list[int]:
    filled = [at for at, line in enumerate(page) if line.strip()]
    return sorted({*filled[:_EDGE_LINES], *filled[-_EDGE_LINES:]})


def _count_while(true: Callable[[Page], bool], pages: Iterable[Page]) -> int:
    count = 0
    for page in pages:
        if not true(page):
            break
        count += 1
    return count
