"""Rows with runs of digits to the families that may occur there: by shape, by name, or by check digit.

Most runs are dates, prices and identifiers of other things, and hold none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from forgelm.audit.matching.clues import Candidates, any_of, matching_rows, take_rows
from forgelm.audit.matching.family import DIGITS_CLUE, Family
from forgelm.audit.rows.arrays import Bits, Ints, TextBatch, np

if TYPE_CHECKING:
    import pyarrow as pa

# Looking for a pattern takes as long as asking the exact rule about so many rows.
_FEW_ROWS = 200
_LONGEST = 20  # digits of a value
# What may stand between two digits of one value takes at most so many bytes: two separators of three.
_LONGEST_GAP = 6
_ENDS_VALUE = np.isin(np.arange(256), [code for code in range(128) if chr(code) not in " ./()+-"])


_Steps: TypeAlias = "Sequence[tuple[str, dict[str, list[int]]]]"


class Numbers:
    """The families whose clue is a run of digits."""

    def __init__(self, families: Sequence[Family]) -> None:
        places = [place for place, family in enumerate(families) if family.trigger == DIGITS_CLUE]
        named = [place for place in places if families[place].needs_context]
        free = [place for place in places if not families[place].needs_context]
        columns = [place for place in free if families[place].column is not None]
        others = _by_shape(families, [place for place in free if families[place].column is None])
        self._all = places
        self._columns = [(place, families[place]) for place in columns]
        names = any_of(dict.fromkeys(families[place].context_pattern for place in named))
        self._steps = ((any_of(others), others), (names, _by_shape(families, named)))
        shapes = _by_shape(families, columns)
        self._in_groups = ((any_of(shapes), shapes),)

    def add_to(self, found: Candidates, texts: pa.LargeStringArray, rows: Sequence[int]) -> None:
        """Add the families that may occur in ``rows``, those of ``texts`` with a run of digits."""
        if len(rows) <= _FEW_ROWS:
            for row in rows:
                found[row].update(self._all)
            return
        texts = take_rows(texts, rows)
        for places, hits in self._told_apart(texts):
            for hit in hits:
                found[rows[hit]].update(places)

    def _told_apart(self, texts: pa.LargeStringArray) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        yield from _match(texts, self._steps)
        if not self._columns:
            return
        runs = _Runs(TextBatch.from_arrow(texts))
        for place, family in self._columns:
            passing = runs.find_passing(family).tolist()
            yield from _within(texts, passing, (("", {family.shape: [place]}),))
        grouped = runs.find_grouped(min(family.digits for _, family in self._columns)).tolist()
        yield from _within(texts, grouped, self._in_groups)


class _Runs:
    """The runs of digits of many rows. Runs that one value could hold, with what stands between them, are a group."""

    def __init__(self, batch: TextBatch) -> None:
        self._buffer = batch.buffer
        is_digit = (batch.buffer >= 48) & (batch.buffer <= 57)
        edge = np.zeros(len(is_digit) + 1, bool)
        edge[1:-1] = is_digit[1:] != is_digit[:-1]
        edge[batch.offsets] = True
        places = np.flatnonzero(edge)
        inside = np.flatnonzero(is_digit[places[:-1]])
        self._begins, self._sizes = places[inside], places[inside + 1] - places[inside]
        self._rows = np.searchsorted(batch.offsets, self._begins, side="right") - 1
        self._is_joined = self._mark_joined()
        self._is_alone = ~self._is_joined
        self._is_alone[1:] &= ~self._is_joined[:-1]
        sizes = np.unique(self._sizes[self._is_alone & (self._sizes <= _LONGEST)])
        self._by_size = {size: self._read(size) for size in sizes.tolist()}

    def find_passing(self, family: Family) -> Ints:
        """Return the rows with a run, alone in its group, that the family's check may accept."""
        passing = [np.zeros(0, np.int64)]
        for runs, digits in self._by_size.values():
            if family.column is not None and digits.shape[1] >= family.digits and len(runs):
                passing.append(self._rows[runs[family.column(digits)]])
        return np.unique(np.concatenate(passing))

    def find_grouped(self, fewest: int) -> Ints:
        """Return the rows in which a group of several runs has at least ``fewest`` digits."""
        if not len(self._rows):
            return self._rows
        begins = np.flatnonzero(np.concatenate([np.ones(1, bool), ~self._is_joined[:-1]]))
        digits = np.add.reduceat(self._sizes, begins)
        return np.unique(self._rows[begins[(digits >= fewest) & ~self._is_alone[begins]]])

    def _read(self, size: int) -> tuple[Ints, Ints]:
        """Return the runs of ``size`` digits that are alone, and their digits (runs, size)."""
        runs = np.flatnonzero(self._is_alone & (self._sizes == size))
        return runs, self._buffer[self._begins[runs, None] + np.arange(size)].astype(np.int64) - 48

    def _mark_joined(self) -> Bits:
        """Return which runs are followed by one of the same row that could belong to the same value."""
        joined = np.zeros(len(self._rows), bool)
        ends = self._begins + self._sizes
        gaps = self._begins[1:] - ends[:-1]
        near = np.flatnonzero((gaps <= _LONGEST_GAP) & (self._rows[1:] == self._rows[:-1]))
        joined[near] = True
        for step in range(_LONGEST_GAP):
            near = near[gaps[near] > step]
            joined[near[_ENDS_VALUE[self._buffer[ends[near] + step]]]] = False
        return joined


def _within(texts: pa.LargeStringArray, rows: Sequence[int], steps: _Steps) -> Iterator[tuple[list[int], list[int]]]:
    """Tell apart some rows of ``texts`` only."""
    for places, hits in _match(take_rows(texts, rows), steps):
        yield places, [rows[hit] for hit in hits]


def _match(texts: pa.LargeStringArray, steps: _Steps) -> Iterator[tuple[list[int], list[int]]]:
    """Yield families and the rows they may occur in: a step has one pattern for all its shapes, and these."""
    for first, shapes in steps:
        rows = matching_rows(texts, first) if shapes else []
        if len(rows) <= _FEW_ROWS:
            yield [place for places in shapes.values() for place in places], rows
            continue
        some = take_rows(texts, rows)
        for shape, places in shapes.items():
            yield places, [rows[hit] for hit in matching_rows(some, shape)]


def _by_shape(families: Sequence[Family], places: Sequence[int]) -> dict[str, list[int]]:
    owners: dict[str, list[int]] = {}
    for place in places:
        owners.setdefault(families[place].shape, []).append(place)
    return owners
