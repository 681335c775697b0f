"""Two texts to what one has and the other lacks, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 400  # comparing is quadratic in them at worst


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
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("".join(after[j:j_end]), "same")
            continue
        if i < i_end:
            yield Piece("".join(before[i:i_end]), "removed")
        if j < j_end:
            yield Piece("".join(after[j:j_end]), "added")
