"""Loops over pairs, compiled: the near ones among sorted fingerprints, shared tokens of two rows, joining clusters."""

from __future__ import annotations

from typing import NamedTuple

from forgelm.audit.rows.arrays import Bits, Ints, Ints32, Words, Words32, np
from forgelm.audit.rows.bits import count_bits, to_int
from forgelm.audit.rows.compiling import compiled, inner

_U = np.uint64
_0 = _U(0)


class Columns(NamedTuple):
    """Fingerprints, their numbers and their keys, one of each a row."""

    values: Words
    order: Words32
    keys: Words32


@compiled
def sort_digit(columns: Columns, to: Columns, shift: np.uint32, starts: Ints) -> None:
    """Sort rows by some bits of their keys from ``shift`` on: as many as tell the places of ``starts`` apart."""
    mask = np.uint32(len(starts) - 1)
    starts[:] = 0
    for index in range(_U(len(columns.keys))):
        starts[(columns.keys[index] >> shift) & mask] += 1
    begin = 0
    for place in range(len(starts)):
        count = starts[place]
        starts[place] = begin
        begin += count
    for index in range(_U(len(columns.keys))):
        key = columns.keys[index]
        place = (key >> shift) & mask
        row = _U(starts[place])
        starts[place] += 1
        to.values[row], to.order[row], to.keys[row] = columns.values[index], columns.order[index], key


class Near(NamedTuple):
    """Which pairs of a table count: those within ``threshold`` bits that agree in ``masks[0]`` and in no other mask."""

    masks: Words
    threshold: int


@compiled
def scan_buckets(columns: Columns, near: Near, cursor: Ints, pairs: Ints) -> int:
    """Fill ``pairs`` with near pairs of one table from ``cursor`` on; return how many, less than fit when done.

    ``cursor`` holds the pair to go on with, the end of its bucket, and how many pairs were compared.
    """
    count, rows = 0, len(columns.values)
    first, second, end = cursor[0], cursor[1], cursor[2]
    while first < rows and count < len(pairs):
        if first >= end:
            end = _find_end(columns.keys, first)
        stop, count = _scan_row(columns, near, (first, second, end), pairs, count)
        cursor[3] += stop - second
        second = stop
        if stop >= end:
            first += 1
            second = first + 1
    cursor[0], cursor[1], cursor[2] = first, second, end
    return count


@inner
def _find_end(keys: Words32, first: int) -> int:
    end = first + 1
    while end < len(keys) and keys[end] == keys[first]:
        end += 1
    return end


@inner
def _scan_row(columns: Columns, near: Near, row: tuple[int, int, int], pairs: Ints, count: int) -> tuple[int, int]:
    """Compare a row with those from its second to its third number until ``pairs`` is full; return where, and count."""
    first, begin, end = row
    value, number = columns.values[_U(first)], columns.order[_U(first)]
    for other in range(_U(begin), _U(max(begin, end))):
        differ = value ^ columns.values[other]
        if count_bits(differ) <= near.threshold and differ & near.masks[0] == _0 and _is_first(differ, near.masks):
            pairs[count, 0], pairs[count, 1] = number, columns.order[other]
            count += 1
            if count == len(pairs):
                return to_int(_U(other)) + 1, count
    return max(begin, end), count


@inner
def _is_first(differ: np.uint64, masks: Words) -> bool:
    is_first = True
    for index in range(1, len(masks)):
        is_first &= differ & masks[index] != _0
    return is_first


@compiled
def compare_sets(hashes: Words, offsets: Ints, pairs: Ints, least: float, alike: Bits) -> None:
    """Fill ``alike`` with whether the Jaccard similarity of two sorted sets of hashes is at least ``least``."""
    for index in range(len(pairs)):
        a, a_end = offsets[pairs[index, 0]], offsets[pairs[index, 0] + 1]
        b, b_end = offsets[pairs[index, 1]], offsets[pairs[index, 1] + 1]
        both, total = 0, (a_end - a) + (b_end - b)
        while a < a_end and b < b_end:
            left, right = hashes[a], hashes[b]
            both += left == right
            a += left <= right
            b += right <= left
            most = both + min(a_end - a, b_end - b)
            if most < least * (total - most):
                break
        alike[index] = both >= least * (total - both)


@compiled
def join(parents: Ints32, pairs: Ints) -> None:
    """Join the two clusters of every pair; the parent of a cluster is its lowest member."""
    for index in range(len(pairs)):
        join_two(parents, pairs[index, 0], pairs[index, 1])


@inner
def join_two(parents: Ints32, first: int, second: int) -> None:
    a, b = find(parents, first), find(parents, second)
    if a != b:
        parents[max(a, b)] = min(a, b)


@inner
def find(parents: Ints32, member: int) -> int:
    """Return the lowest member of a cluster, and shorten the way to it."""
    while parents[member] != member:
        parents[member] = parents[parents[member]]
        member = parents[member]
    return member
