"""Cuts a text into chunks: packed paragraphs, packed Markdown sections, or sliding windows; in characters or tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
STRATEGIES = ("paragraph", "sliding", "markdown")
DEFAULT_CHUNK_SIZE = 2048
DEFAULT_SLIDING_OVERLAP = 200
_BREAK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_HEADING = re.compile(r"(#{1,6})[ \t]+\S")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class Chunk:
    """One chunk: its ``text``, and where it stands in the text it was cut from (characters, end exclusive)."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Cutting:
    """How texts are cut. ``size`` and ``overlap`` count tokens where ``find_tokens`` gives a text's tokens as spans."""

    strategy: str = "paragraph"
    size: int = DEFAULT_CHUNK_SIZE
    overlap: int = 0
    find_tokens: Callable[[str], Sequence[Span]] | None = None

    def measure(self, text: str) -> int:
        return len(text) if self.find_tokens is None else len(self.find_tokens(text))


def cut(text: str, how: Cutting) -> list[Chunk]:
    """Return the chunks of ``text`` in order; none is blank, and together they hold every character but white space.

    A paragraph or a section longer than ``size`` stays whole.
    """
    cutters = {"paragraph": _cut_paragraphs, "sliding": _cut_windows, "markdown": _cut_sections}
    return [chunk for chunk in cutters[how.strategy](text, how) if chunk.text.strip()]


def _cut_paragraphs(text: str, how: Cutting) -> Iterator[Chunk]:
    spans = [span for span in _between_breaks(text) if text[slice(*span)].strip()]
    packed: Span | None = None
    for start, end in spans:
        if packed and how.measure(text[packed[0] : end]) > how.size:
            yield Chunk(text[slice(*packed)], *packed)
            packed = None
        packed = (packed[0] if packed else start, end)
    if packed:
        yield Chunk(text[slice(*packed)], *packed)


def _between_breaks(text: str) -> Iterator[Span]:
    start = 0
    for found in _BREAK.finditer(text):
        yield start, found.start()
        start = found.end()
    yield start, len(text.rstrip("\n"))


def _cut_windows(text: str, how: Cutting) -> Iterator[Chunk]:
    spans = None if how.find_tokens is None else how.find_tokens(text)
    count = len(text) if spans is None else len(spans)
    for first in range(0, count, how.size - how.overlap):
        last = min(first + how.size, count)
        # The window reaches to the next token's start, so that no character between two tokens is lost.
        start = first if spans is None else (0 if first == 0 else spans[first][0])
        end = last if spans is None else (len(text) if last == count else spans[last][0])
        yield Chunk(text[start:end], start, end)
        if last == count:
            return


def _cut_sections(text: str, how: Cutting) -> Iterator[Chunk]:
    open_chunk: tuple[tuple[str, ...], int, int] | None = None
    for parents, start, end in _find_sections(text):
        if open_chunk and how.measure(_render(text, open_chunk[0], open_chunk[1], end)) > how.size:
            yield Chunk(_render(text, *open_chunk), *open_chunk[1:])
            open_chunk = None
        open_chunk = (*(open_chunk[:2] if open_chunk else (parents, start)), end)
    if open_chunk:
        yield Chunk(_render(text, *open_chunk), *open_chunk[1:])


def _render(text: str, parents: tuple[str, ...], start: int, end: int) -> str:
    return "\n".join([*parents, *([""] if parents else []), text[start:end].strip("\n")])


def _find_sections(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield each section with the headings above it; a heading inside fenced code is none."""
    parents: list[tuple[int, str]] = []
    above: tuple[str, ...] = ()
    start = at = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        heading = None if fence else _HEADING.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        if heading:
            if text[start:at].strip():
                yield above, start, at
            level = len(heading[1])
            parents = [parent for parent in parents if parent[0] < level]
            above, start = tuple(words for _, words in parents), at
            parents.append((level, line.strip()))
        at += len(line)
    if text[start:].strip():
        yield above, start, len(text)
