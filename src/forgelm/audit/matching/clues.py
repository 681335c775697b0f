"""Rows with a clue that many families share to the few of them that may occur there: by shape, or by keyword."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from forgelm.audit.matching.family import DIGITS_CLUE, Family
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


def any_of(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


class Numbers:
    """The families whose clue is a run of digits. Most runs are dates, prices and tables, and hold none of them."""

    def __init__(self, families: Sequence[Family]) -> None:
        places = [place for place, family in enumerate(families) if family.trigger == DIGITS_CLUE]
        named = [place for place in places if families[place].needs_context]
        free = _by_shape(families, [place for place in places if not families[place].needs_context])
        names = any_of(dict.fromkeys(families[place].context_pattern for place in named))
        self._all = places
        self._steps = ((any_of(free), free), (names, _by_shape(families, named)))

    def add_to(self, found: Candidates, texts: pa.LargeStringArray, rows: Sequence[int]) -> None:
        """Add the families that may occur in ``rows``, those of ``texts`` with a run of digits."""
        if len(rows) <= _FEW_ROWS:
            for row in rows:
                found[row].update(self._all)
            return
        texts = texts.take(rows)
        for places, hits in self._told_apart(texts):
            for hit in hits:
                found[rows[hit]].update(places)

    def _told_apart(self, texts: pa.LargeStringArray) -> Iterator[tuple[list[int], list[int]]]:
        for first, shapes in self._steps:
            rows = matching_rows(texts, first) if shapes else []
            if len(rows) <= _FEW_ROWS:
                yield [place for places in shapes.values() for place in places], rows
                continue
            some = texts.take(rows)
            for shape, places in shapes.items():
                yield places, [rows[hit] for hit in matching_rows(some, shape)]


class Keywords:
    """Families that a word in small letters tells apart."""

    def __init__(self, families: Sequence[Family], places: Sequence[int]) -> None:
        owners: dict[str, list[int]] = {}
        for place in places:
            for word in families[place].keywords:
                owners.setdefault(word, []).append(place)
        self._owners = tuple(owners.items())
        self._always = [place for place in places if not families[place].keywords]

    def held_by(self, text: str) -> set[int]:
        lowered = text.lower()
        held = set(self._always)
        for word, places in self._owners:
            if word in lowered:
                held.update(places)
        return held


def _by_shape(families: Sequence[Family], places: Sequence[int]) -> dict[str, list[int]]:
    owners: dict[str, list[int]] = {}
    for place in places:
        owners.setdefault(families[place].shape, []).append(place)
    return owners
