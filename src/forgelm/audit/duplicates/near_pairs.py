"""Fingerprints to all pairs that differ in few bits, none missed, without comparing all with all.

Two fingerprints that differ in at most ``t`` bits, cut into ``t + k`` blocks, agree in at least ``k`` of them. So
they stand in one bucket of the table of some ``k`` blocks; a pair counts in the first such table alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from forgelm.audit.duplicates.pair_kernel import Columns, Near, scan_buckets, sort_digit
from forgelm.audit.rows.arrays import Ints, Words, Words32, np
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.simhash import DEFAULT_NEAR_DUP_HAMMING
from forgelm.base.errors import ConfigError

BITS = 64

_PAIRS_AT_ONCE = 1 << 15
_KEY_BITS = 32
_ROWS_SORTED = 1 << 19  # about as many are sorted at once, so that the copies of a sort stay small
_ROWS_READ = 1 << 18
_DIGIT_BITS = 13  # buckets of one pass of the sort fit the processor's cache
_SORT_COST = 60  # what sorting one fingerprint costs, in comparisons of two
_FEW_ROWS = 1000
_SAMPLE_ROWS = 4096
_TABLES_LOOKED_AT = 6
_MOST_AGREEING = 4
_MOST_TABLES = 100


@dataclass
class Work:
    """How many pairs of fingerprints were compared: what the growth of the search is judged by."""

    compared: int = 0


@dataclass(frozen=True)
class Table:
    """``agree`` covers the blocks that a pair agrees in; it must differ in every block of ``differ``."""

    blocks: tuple[tuple[int, int], ...]
    agree: int
    differ: tuple[int, ...]


def find_near_duplicates(
    fingerprints: Sequence[int], *, threshold: int = DEFAULT_NEAR_DUP_HAMMING
) -> list[tuple[int, int, int]]:
    """Return ``(i, j, distance)`` with ``i < j`` for all pairs within ``threshold`` bits, in order; 0 is none.

    The list holds every pair of a cluster, so it grows with the square of the largest one; the audit itself counts
    and joins without it.

    Raises:
        ConfigError: ``threshold`` is negative.
    """
    values = np.array(fingerprints, np.uint64)
    rows = np.flatnonzero(values)
    found: list[tuple[int, int, int]] = []
    for block in iterate_near_pairs(values[rows], threshold):
        pairs = np.sort(rows[block], axis=1)
        distances = np.bitwise_count(values[pairs[:, 0]] ^ values[pairs[:, 1]])
        found += zip(pairs[:, 0].tolist(), pairs[:, 1].tolist(), distances.tolist(), strict=True)
    return sorted(found)


def iterate_near_pairs(
    values: Words, threshold: int, *, compiled: bool = IS_AVAILABLE, work: Work | None = None
) -> Iterator[Ints]:
    """Yield blocks (pairs, 2) of indexes of ``values`` that differ in at most ``threshold`` bits, each pair once.

    Memory is 4 bytes a value and what a part of a table takes, however many pairs there are; there can be 2**32 values
    at most.

    Raises:
        ConfigError: ``threshold`` is negative.
    """
    if threshold < 0:
        raise ConfigError(f"near_dup_threshold must be 0 or more, got {threshold}")
    if len(values) < 2:
        return
    work = work if work is not None else Work()
    scan = _scan_compiled if compiled else _scan_arrays
    for table in plan_tables(values, threshold):
        yield from scan(values, table, threshold, work)


def plan_tables(values: Words, threshold: int) -> list[Table]:
    """Return the tables that find every pair with the least work: fewer but coarser, or more but finer ones.

    Fingerprints of real texts crowd in some buckets, far beyond chance, so the work is estimated on a sample of them.
    """
    everything = [Table((), 0, ())]
    choices = [
        cut_tables(threshold + agreeing, agreeing)
        for agreeing in range(1, min(_MOST_AGREEING, BITS - threshold) + 1)
        if math.comb(threshold + agreeing, agreeing) <= _MOST_TABLES
    ]
    if not choices or len(values) <= _FEW_ROWS:
        return everything
    sample = values[:: -(-len(values) // _SAMPLE_ROWS)]
    return min([*choices, everything], key=lambda tables: _estimate_work(sample, len(values), tables))


def _estimate_work(sample: Words, rows: int, tables: list[Table]) -> float:
    """Return the cost of all tables, in comparisons, from how many pairs of the sample share a bucket in some."""
    looked_at = tables[:: -(-len(tables) // _TABLES_LOOKED_AT)]
    pairs = 0
    for table in looked_at:
        _, sizes = np.unique(_read_keys(sample, table)[0], return_counts=True)
        pairs += int((sizes * (sizes - 1) // 2).sum())
    scale = (rows / len(sample)) ** 2
    return len(tables) * (_SORT_COST * rows + pairs / len(looked_at) * scale)


def cut_tables(count: int, agreeing: int) -> list[Table]:
    edges = [BITS * block // count for block in range(count + 1)]
    masks = [(1 << edges[block + 1]) - (1 << edges[block]) for block in range(count)]
    return [
        Table(
            tuple((edges[block], edges[block + 1]) for block in chosen),
            sum(masks[block] for block in chosen),
            tuple(masks[block] for block in range(max(chosen)) if block not in chosen),
        )
        for chosen in combinations(range(count), agreeing)
    ]


def _read_keys(values: Words, table: Table) -> tuple[Words32, int]:
    """Return the bits that choose a bucket, as many of them as a key holds, and how many they are."""
    keys = np.zeros(len(values), np.uint32)
    for first in range(0, len(values), _ROWS_READ):
        rows, width = slice(first, first + _ROWS_READ), 0
        for begin, end in table.blocks:
            taken = min(end - begin, _KEY_BITS - width)
            part = (values[rows] >> np.uint64(begin)) & np.uint64((1 << taken) - 1)
            keys[rows] |= (part << np.uint64(width)).astype(np.uint32)
            width += taken
    return keys, min(sum(end - begin for begin, end in table.blocks), _KEY_BITS)


def _scan_compiled(values: Words, table: Table, threshold: int, work: Work) -> Iterator[Ints]:
    near = Near(np.array([table.agree, *table.differ], np.uint64), threshold)
    for columns in _iterate_sorted(values, table):
        cursor = np.array([0, 1, 0, 0], np.int64)
        while cursor[0] < len(columns.values):
            pairs = np.empty((_PAIRS_AT_ONCE, 2), np.int64)
            count = scan_buckets(columns, near, cursor, pairs)
            if count:
                yield pairs[:count]
        work.compared += int(cursor[3])


def _iterate_sorted(values: Words, table: Table) -> Iterator[Columns]:
    """Yield the fingerprints in the order of their buckets; of many, those whose keys end alike at a time."""
    keys, width = _read_keys(values, table)
    shared = min(max(len(values) // _ROWS_SORTED, 1).bit_length() - 1, width)
    if not shared:
        yield _sort_by_key(values.copy(), np.arange(len(values), dtype=np.uint32), keys, width)
        return
    ends = keys & np.uint32((1 << shared) - 1)
    ends = ends.astype(np.uint8) if shared <= 8 else ends
    for end in range(1 << shared):
        rows = np.flatnonzero(ends == end).astype(np.uint32)
        yield _sort_by_key(values[rows], rows, keys[rows], width)


def _sort_by_key(values: Words, order: Words32, keys: Words32, width: int) -> Columns:
    """Return fingerprints, overwritten, in the order of their keys: a counting sort by a few bits at a time."""
    columns = Columns(values, order, keys)
    other = Columns(np.empty_like(columns.values), np.empty_like(columns.order), np.empty_like(columns.keys))
    digits = max(-(-width // _DIGIT_BITS), 1)
    bits = -(-width // digits)
    for digit in range(digits):
        sort_digit(columns, other, np.uint32(digit * bits), np.zeros(1 << bits, np.int64))
        columns, other = other, columns
    return columns


def _scan_arrays(values: Words, table: Table, threshold: int, work: Work) -> Iterator[Ints]:
    """Compare every row with the next, the second next ... of its bucket, all rows at once."""
    keys, _ = _read_keys(values, table)
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    rows, step = np.arange(len(keys) - 1), 1
    while len(rows):
        rows = rows[rows + step < len(keys)]
        rows = rows[keys[rows] == keys[rows + step]]
        work.compared += len(rows)
        for first in range(0, len(rows), _PAIRS_AT_ONCE):
            part = rows[first : first + _PAIRS_AT_ONCE]
            differ = values[part] ^ values[part + step]
            near = (np.bitwise_count(differ) <= threshold) & (differ & np.uint64(table.agree) == 0)
            for mask in table.differ:
                near &= differ & np.uint64(mask) != 0
            if near.any():
                yield np.stack([order[part[near]], order[part[near] + step]], axis=1)
        step += 1
