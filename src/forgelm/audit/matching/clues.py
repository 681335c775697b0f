"""Rows with a clue that many families share to the few of them that may occur there, by keyword.

``numbers`` does it for runs of digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forgelm.audit.matching.family import Family
from forgelm.audit.rows.arrays import np, to_arrow
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

Candidates = dict[int, set[int]]

# Looking for a pattern takes as long as asking the exact rule about so many rows.
_FEW_ROWS = 200


def matching_rows(texts: pa.LargeStringArray, pattern: str) -> list[int]:
    """Return the rows of ``texts`` in which ``pattern`` occurs, by RE2: in linear time."""
    compute = load_extra("pyarrow.compute", extra="audit")
    return compute.indices_nonzero(compute.match_substring_regex(texts, pattern)).to_pylist()  # type: ignore[no-any-return]


def take_rows(texts: pa.LargeStringArray, rows: Sequence[int]) -> pa.LargeStringArray:
    """Return some rows of ``texts``, ascending, without a copy where they follow each other.

    Arrow, given a list, would load pandas.
    """
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return texts.slice(rows[0], len(rows))
    return texts.take(to_arrow(np.array(rows, np.int64)))


def any_of(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


class Keywords:
    """Families that a word tells apart; it is in small letters, and stands in the text in letters of either size."""

    def __init__(self, families: Sequence[Family], places: Sequence[int]) -> None:
        owners: dict[str, list[int]] = {}
        for place in places:
            for word in families[place].keywords:
                owners.setdefault(word, []).append(place)
        self._owners = tuple(owners.items())
        self._always = [place for place in places if not families[place].keywords]
        # A single character stands in most rows that have the clue, and would leave nothing to tell apart.
        self._marks = {word: places for word, places in self._owners if len(word) == 1}
        self._any_word = f"(?i:{any_of(re.escape(word) for word in owners if word not in self._marks)})"

    def add_to(self, found: Candidates, texts: pa.LargeStringArray, rows: Sequence[int], hits: Sequence[int]) -> None:
        """Add the families that may occur in the ``hits`` of ``texts``, whose rows are ``rows``."""
        texts = take_rows(texts, hits)
        with_word: Sequence[int] = range(len(hits))
        if len(hits) > _FEW_ROWS:
            with_word = matching_rows(texts, self._any_word)
            marked = ((matching_rows(texts, re.escape(mark)), places) for mark, places in self._marks.items())
            for held, places in (*marked, (range(len(hits)), self._always)):
                for place in held if places else ():
                    found.setdefault(rows[hits[place]], set()).update(places)
        for place, text in zip(with_word, take_rows(texts, with_word).to_pylist(), strict=True):
            if held_here := self.held_by(text):
                found.setdefault(rows[hits[place]], set()).update(held_here)

    def held_by(self, text: str) -> set[int]:
        lowered, held = text.lower(), set(self._always)
        for word, places in self._owners:
            if word in lowered:
                held.update(places)
        return held
