"""Rows to their duplicates: equal texts, near-equal texts in clusters, and which splits they tie together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forgelm.audit.duplicates.band_pairs import iterate_band_pairs
from forgelm.audit.duplicates.near_pairs import iterate_near_pairs
from forgelm.audit.duplicates.pair_kernel import join, mark_joined
from forgelm.audit.duplicates.token_sets import Fetch, TokenSets
from forgelm.audit.duplicates.units import Units, gather_blocks, group_rows
from forgelm.audit.rows.arrays import Bits, Ints, Ints32, Words, np
from forgelm.audit.rows.engine import RowEngine
from forgelm.audit.rows.simhash import DEFAULT_NEAR_DUP_HAMMING
from forgelm.audit.rows.state import KeptRows
from forgelm.audit.rows.tokens import GOLDEN, MIX_1, MIX_2

DEFAULT_VERIFIED_JACCARD = 0.8

_MOST_COMPARED = 20_000_000
_ROWS_MIXED = 1 << 18


@dataclass(frozen=True)
class NearSettings:
    """What counts as a near duplicate.

    A pair within ``hamming`` bits (SimHash), or in one band (MinHash), is a candidate; it counts when the rows share
    at least ``jaccard`` of their distinct tokens. After ``most_compared`` candidates, those whose rows already stand
    in one cluster are no longer looked at, and the counts are lower bounds.
    """

    hamming: int = DEFAULT_NEAR_DUP_HAMMING
    jaccard: float = DEFAULT_VERIFIED_JACCARD
    most_compared: int = _MOST_COMPARED


@dataclass(frozen=True)
class Duplicates:
    """Rows are numbered over all splits, in the order of ``ranges``; counts of pairs are of pairs of rows.

    ``exact_first`` and ``near_first`` hold for every row the first row of its cluster, itself where it stands alone.
    Of the ``candidate_pairs`` of a split, ``near_pairs`` are those whose tokens agree as well; ``leaked[a, b]`` is how
    many rows of split ``a`` have a near duplicate in ``b``; ``with_tokens`` counts the rows that could have one and
    ``distinct`` their different signatures. ``is_complete`` is false where counts are lower bounds, ``is_verified``
    where there were no texts to compare.
    """

    ranges: dict[str, range]
    exact_first: Ints32
    near_first: Ints32
    near_pairs: dict[str, int]
    candidate_pairs: dict[str, int]
    leaked: Ints
    with_tokens: dict[str, int]
    distinct: dict[str, int]
    is_complete: bool
    is_verified: bool


def find_exact(rows: KeptRows) -> Ints32:
    """Return for every row the first row with the same text; a row without a character has only itself."""
    units = group_rows(_text_keys(rows), rows.characters > 0, np.array([0, len(rows)]))
    return _or_itself(units.of_row)


def find_duplicates(
    rows: KeptRows, ranges: dict[str, range], settings: NearSettings, engine: RowEngine, fetch: Fetch | None
) -> Duplicates:
    """Find exact and near duplicates of all rows, within and across splits, in one search.

    Texts of candidates are read with ``fetch`` and compared; without it, every candidate counts.

    Raises:
        ConfigError: the Hamming threshold is negative.
    """
    exact_first = find_exact(rows)
    units = _group(rows, ranges)
    sets = TokenSets(fetch, engine, settings.jaccard) if fetch is not None else None
    search = _Search(units, settings, sets)
    for block in gather_blocks(_iterate_candidates(rows, units.list_units(), settings, engine)):
        search.take(block)
    return search.finish(rows, ranges, exact_first)


def mark_compared(rows: KeptRows, ranges: dict[str, range], settings: NearSettings, engine: RowEngine) -> Bits:
    """Return the rows whose texts ``find_duplicates`` asks for, and the first of every text in their clusters."""
    units = _group(rows, ranges)
    marks = np.zeros(len(rows), bool)
    for block in _iterate_candidates(rows, units.list_units(), settings, engine):
        marks[block] = True
    marks[units.places // max(units.splits, 1)] = True
    in_unit = units.of_row >= 0
    marks[in_unit] = marks[units.of_row[in_unit]]
    exact = find_exact(rows)
    marks[exact[exact != np.arange(len(rows))]] = True
    return np.asarray(marks & (exact == np.arange(len(rows))))


def _group(rows: KeptRows, ranges: dict[str, range]) -> Units:
    begins = np.array([*(part.start for part in ranges.values()), len(rows)])
    keys = _text_keys(rows) if rows.bands.shape[1] else _token_keys(rows)
    return group_rows(keys, rows.tokens > 0, begins)


def _text_keys(rows: KeptRows) -> Words:
    return _mix(rows.digest, rows.characters, rows.tokens)


def _token_keys(rows: KeptRows) -> Words:
    return _mix(rows.simhash, rows.bag, rows.tokens)


def _mix(*columns: Words | Ints32) -> Words:
    """Return one word for the three of every row; a stretch at a time, for none of the steps fits beside all rows."""
    keys = np.empty(len(columns[0]), np.uint64)
    for begin in range(0, len(keys), _ROWS_MIXED):
        first, second, third = (column[begin : begin + _ROWS_MIXED].astype(np.uint64) for column in columns)
        mixed = (first ^ (first >> np.uint64(31))) * np.uint64(MIX_1) + second * np.uint64(GOLDEN)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(MIX_2) + third * np.uint64(GOLDEN)
        keys[begin : begin + _ROWS_MIXED] = mixed ^ (mixed >> np.uint64(32))
    return keys


def _or_itself(of_row: Ints32) -> Ints32:
    """Return ``of_row``, changed in place, with every row that has none as its own."""
    alone = np.flatnonzero(of_row < 0)
    of_row[alone] = alone
    return of_row


def _iterate_candidates(rows: KeptRows, units: Ints32, settings: NearSettings, engine: RowEngine) -> Iterator[Ints]:
    if rows.bands.shape[1]:
        yield from iterate_band_pairs(rows.bands, units)
        return
    compiled = engine.name == "numba"
    for pairs in iterate_near_pairs(rows.simhash[units], settings.hamming, compiled=compiled):
        yield units[pairs].astype(np.int64)


class _Search:
    """Sums up candidate pairs of units: clusters, pairs of every split, and which splits a unit has duplicates in."""

    def __init__(self, units: Units, settings: NearSettings, sets: TokenSets | None) -> None:
        self._units = units
        self._sets = sets
        self._left = settings.most_compared
        self._parents = np.arange(len(units.of_row), dtype=np.int32)
        self._splits = units.read_splits()
        self._reached = self._splits.copy()
        self._near = np.zeros(units.splits, np.int64)
        self._candidates = np.zeros(units.splits, np.int64)
        self._is_complete = True

    def take(self, pairs: Ints) -> None:
        """Add a block of candidates (pairs, 2)."""
        self._candidates += self._count(pairs)
        if self._left <= 0:
            joined = np.zeros(len(pairs), bool)
            mark_joined(self._parents, pairs, joined)
            self._is_complete &= not joined.any()
            pairs = pairs[~joined]
        self._left -= len(pairs)
        if self._sets is not None and len(pairs):
            pairs = pairs[self._sets.are_alike(pairs)]
        if not len(pairs):
            return
        self._near += self._count(pairs)
        for here, there in (pairs.T, pairs.T[::-1]):
            np.bitwise_or.at(self._reached, here, self._splits[there])
        join(self._parents, pairs)

    def finish(self, rows: KeptRows, ranges: dict[str, range], exact_first: Ints32) -> Duplicates:
        sizes = self._units.sizes
        inside = np.zeros(self._units.splits, np.int64)
        np.add.at(inside, self._units.places % max(self._units.splits, 1), sizes * (sizes - 1) // 2)
        while not np.array_equal(roots := self._parents[self._parents], self._parents):
            self._parents = roots
        first = np.where(self._units.of_row < 0, self._units.of_row, self._parents[self._units.of_row])
        signatures = rows.digest if rows.bands.shape[1] else rows.simhash
        return Duplicates(
            ranges=ranges,
            exact_first=exact_first,
            near_first=_or_itself(first),
            near_pairs=dict(zip(ranges, (self._near + inside).tolist(), strict=True)),
            candidate_pairs=dict(zip(ranges, (self._candidates + inside).tolist(), strict=True)),
            leaked=self._count_leaks(),
            with_tokens={name: int(np.count_nonzero(rows.tokens[_cut(part)])) for name, part in ranges.items()},
            distinct={
                name: _count_distinct(signatures[_cut(part)], rows.tokens[_cut(part)]) for name, part in ranges.items()
            },
            is_complete=self._is_complete,
            is_verified=self._sets is not None,
        )

    def _count(self, pairs: Ints) -> Ints:
        a, b = self._units.count_rows(pairs[:, 0]), self._units.count_rows(pairs[:, 1])
        return np.asarray((a * b).sum(axis=0))

    def _count_leaks(self) -> Ints:
        splits = self._units.splits
        leaked = np.zeros((splits, splits), np.int64)
        for here in range(splits):
            units = self._units.of_row[self._units.begins[here] : self._units.begins[here + 1]]
            reached = self._reached[units[units >= 0]]
            for there in range(splits):
                leaked[here, there] = np.count_nonzero(reached[:, there // 8] & np.uint8(1 << there % 8))
        np.fill_diagonal(leaked, 0)
        return leaked


def _cut(part: range) -> slice:
    return slice(part.start, part.stop)


def _count_distinct(signatures: Words, tokens: Ints32) -> int:
    ordered = signatures[tokens > 0]
    ordered.sort()
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + min(len(ordered), 1)
