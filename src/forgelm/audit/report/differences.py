"""Two texts to what one has and the other lacks, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 400  # comparing is quadratic in them at worst
_LEAST_SHARED = 3


@dataclass(frozen=True)
class Piece:
    """A run of text that both have, or that only the second has (``added``) or only the first (``removed``)."""

    text: str
    kind: Literal["same", "added", "removed"]


def mark_differences(kept: str, other: str) -> list[Piece]:
    """Return the pieces of ``other``, and where ``kept`` has something else, those of ``kept`` as removed."""
    before, after = _split(kept), _split(other)
    return list(_iterate_pieces(before, after))


def _split(text: str) -> list[str]:
    words = _WORD.findall(text)
    return [*words[:_MOST_WORDS], "".join(words[_MOST_WORDS:])] if len(words) > _MOST_WORDS else words


def _iterate_pieces(before: list[str], after: list[str]) -> Iterator[Piece]:
    for is_same, (i, i_end), (j, j_end) in _join_changes(before, after):
        if is_same:
            yield Piece("".join(after[j:j_end]), "same")
            continue
        if i < i_end:
            yield Piece("".join(before[i:i_end]), "removed")
        if j < j_end:
            yield Piece("".join(after[j:j_end]), "added")


def _join_changes(before: list[str], after: list[str]) -> Iterator[tuple[bool, tuple[int, int], tuple[int, int]]]:
    """Yield what is the same and what is not, as ranges; a word or two in common inside a change belong to it."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    i = j = 0
    for block in blocks:
        is_inside = 0 < block.a < len(before) and 0 < block.b < len(after) and block.a + block.size < len(before)
        words = sum(word[0].isalnum() for word in before[block.a : block.a + block.size])
        if is_inside and words < _LEAST_SHARED:
            continue
        if (i, j) != (block.a, block.b):
            yield False, (i, block.a), (j, block.b)
        i, j = block.a + block.size, block.b + block.size
        if block.size:
            yield True, (block.a, i), (block.b, j)
