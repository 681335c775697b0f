"""Rows to the pairs that may be near duplicates: few enough for their texts to be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forgelm.audit.duplicates.band_pairs import iterate_band_pairs
from forgelm.audit.duplicates.crowds import Layout, lay_out_bands, lay_out_fingerprints, tally_crowds
from forgelm.audit.duplicates.near_pairs import iterate_near_pairs
from forgelm.audit.duplicates.units import Units, gather_blocks, group_rows
from forgelm.audit.rows.arrays import Bits, Ints, Ints32, Words, np
from forgelm.audit.rows.engine import RowEngine
from forgelm.audit.rows.simhash import DEFAULT_NEAR_DUP_HAMMING
from forgelm.audit.rows.sketch import mark_possible
from forgelm.audit.rows.state import KeptRows
from forgelm.audit.rows.tokens import GOLDEN, MIX_1, MIX_2

DEFAULT_VERIFIED_JACCARD = 0.8

_MOST_COMPARED = 20_000_000
_LOOKED_AT_PER_COMPARED = 5  # sketches rule most pairs of ordinary texts out, and cost little
_ROWS_MIXED = 1 << 18
# So many pairs are kept for certain; of many rows, 2 bytes for each.
_PAIRS_KEPT, _ROWS_PER_PAIR = 1 << 16, 4


@dataclass(frozen=True)
class NearSettings:
    """What counts as a near duplicate.

    A pair within ``hamming`` bits (SimHash), or in one band (MinHash), is a candidate; it counts when the rows share
    at least ``jaccard`` of their distinct tokens. Where more than ``most_compared`` pairs of texts would have to be
    compared, only those are that may change clusters or leaks, and the counts of pairs are lower bounds.
    """

    hamming: int = DEFAULT_NEAR_DUP_HAMMING
    jaccard: float = DEFAULT_VERIFIED_JACCARD
    most_compared: int = _MOST_COMPARED


@dataclass(frozen=True)
class Candidates:
    """The pairs that may be near duplicates, before their texts are looked at.

    ``counts`` are those of all pairs of every split, in pairs of rows; of MinHash's crowds, a lower bound. ``pairs``
    are those that sketches do not rule out, ``None`` where there are too many to be kept, as in a crowd.
    ``exact_first`` holds for every row the first with its text; ``wanted`` marks the rows of the pairs, and the first
    row of every text that several rows have.
    """

    rows: KeptRows
    ranges: dict[str, range]
    settings: NearSettings
    engine: RowEngine
    units: Units
    exact_first: Ints32
    counts: Ints
    pairs: tuple[Ints32, ...] | None
    wanted: Bits
    is_crowd: bool

    def iterate_pairs(self) -> Iterator[Ints]:
        """Yield blocks (pairs, 2) of units whose texts are worth comparing."""
        if self.pairs is not None:
            yield from (block.astype(np.int64) for block in self.pairs)
            return
        for block in self.search_again():
            yield block[_mark_possible(self.rows, block, self.settings)]

    def search_again(self) -> Iterator[Ints]:
        """Yield blocks (pairs, 2) of all units that are candidates."""
        yield from gather_blocks(_iterate_pairs(self.rows, self.units.list_units(), self.settings, self.engine))

    def lay_out(self) -> Iterator[Layout]:
        """Yield the crowds that all candidates stand in."""
        yield from _lay_out(self.rows, self.units.list_units(), self.settings, self.engine)


def find_candidates(rows: KeptRows, ranges: dict[str, range], settings: NearSettings, engine: RowEngine) -> Candidates:
    """Find the pairs of rows that may be near duplicates, within and across splits.

    Raises:
        ConfigError: the Hamming threshold is negative.
    """
    units = _group(rows, ranges)
    found = _list_pairs(rows, units, settings, engine)
    counts, pairs, wanted = found or _tally(rows, units, settings, engine)
    exact_first = find_exact(rows)
    _add_firsts(wanted, units, exact_first)
    return Candidates(rows, ranges, settings, engine, units, exact_first, counts, pairs, wanted, found is None)


def _list_pairs(
    rows: KeptRows, units: Units, settings: NearSettings, engine: RowEngine
) -> tuple[Ints, tuple[Ints32, ...] | None, Bits] | None:
    """Return the counts, pairs and wanted rows of ``Candidates``; ``None`` where there are too many pairs."""
    wanted, counts = np.zeros(len(rows), bool), np.zeros(units.splits, np.int64)
    kept: list[Ints32] = []
    room = max(_PAIRS_KEPT, len(rows) // _ROWS_PER_PAIR)
    left, compared = _LOOKED_AT_PER_COMPARED * settings.most_compared, 0
    for block in gather_blocks(_iterate_pairs(rows, units.list_units(), settings, engine)):
        counts += count_pairs(units, block)
        possible = block[_mark_possible(rows, block, settings)]
        wanted[possible] = True
        left, compared = left - len(block), compared + len(possible)
        if left < 0 or compared > settings.most_compared:
            return None
        if compared <= room:
            kept.append(possible.astype(np.int32))
        else:
            kept.clear()
    return counts, tuple(kept) if compared <= room else None, wanted


def _tally(rows: KeptRows, units: Units, settings: NearSettings, engine: RowEngine) -> tuple[Ints, None, Bits]:
    """Return the same where there are many: all that may be near is wanted, and the band with most pairs counts."""
    wanted, counts = np.zeros(len(rows), bool), np.zeros(units.splits, np.int64)
    for layout in _lay_out(rows, units.list_units(), settings, engine):
        counts = np.maximum(counts, tally_crowds(layout, units, wanted))
    return counts, None, wanted


def find_exact(rows: KeptRows) -> Ints32:
    """Return for every row the first row with the same text; a row without a character has only itself."""
    units = group_rows(_text_keys(rows), rows.characters > 0, np.array([0, len(rows)]))
    return or_itself(units.of_row)


def count_pairs(units: Units, pairs: Ints) -> Ints:
    """Return how many pairs of rows of every split the given pairs of units stand for."""
    a, b = units.count_rows(pairs[:, 0]), units.count_rows(pairs[:, 1])
    return np.asarray((a * b).sum(axis=0))


def _mark_possible(rows: KeptRows, pairs: Ints, settings: NearSettings) -> Bits:
    if not len(rows.sketch):
        return np.ones(len(pairs), bool)
    return mark_possible(rows.sketch, pairs, settings.jaccard)


def _add_firsts(wanted: Bits, units: Units, exact_first: Ints32) -> None:
    """Mark what clusters of equal rows show, and drop the marks of rows whose text an earlier one has."""
    wanted[units.places // max(units.splits, 1)] = True
    in_unit = units.of_row >= 0
    wanted[in_unit] = wanted[units.of_row[in_unit]]
    is_first = exact_first == np.arange(len(exact_first), dtype=np.int32)
    wanted[exact_first[~is_first]] = True
    wanted &= is_first


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


def or_itself(of_row: Ints32) -> Ints32:
    """Return ``of_row``, changed in place, with every row that has none as its own."""
    alone = np.flatnonzero(of_row < 0)
    of_row[alone] = alone
    return of_row


def _lay_out(rows: KeptRows, units: Ints32, settings: NearSettings, engine: RowEngine) -> Iterator[Layout]:
    if rows.bands.shape[1]:
        yield from lay_out_bands(units, rows.bands)
    else:
        yield lay_out_fingerprints(units, rows.simhash[units], settings.hamming, compiled=engine.name == "numba")


def _iterate_pairs(rows: KeptRows, units: Ints32, settings: NearSettings, engine: RowEngine) -> Iterator[Ints]:
    if rows.bands.shape[1]:
        yield from iterate_band_pairs(rows.bands, units)
        return
    compiled = engine.name == "numba"
    for pairs in iterate_near_pairs(rows.simhash[units], settings.hamming, compiled=compiled):
        yield units[pairs].astype(np.int64)
