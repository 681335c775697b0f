"""Loops over crowds, compiled: the pairs that may still join two clusters, or tie a row to a split, and no others."""

from __future__ import annotations

from typing import NamedTuple

from forgelm.audit.duplicates.pair_kernel import find, join_two
from forgelm.audit.rows.arrays import Bits, Bytes, Ints, Ints32, Words, np
from forgelm.audit.rows.bits import count_bits, to_int
from forgelm.audit.rows.compiling import compiled, inner
from forgelm.audit.rows.sketch import COUNT_SHIFT, UNKNOWN

_SHIFT = np.uint64(COUNT_SHIFT)
_BITS = np.uint64((1 << COUNT_SHIFT) - 1)


class Stretches(NamedTuple):
    """Units by crowds: crowd ``i`` is ``members[starts[i]:starts[i + 1]]``.

    Those of one crowd that were in one cluster when it was last sorted stand together, in a run: ``ends`` holds for
    every place the end of its run, ``splits`` which splits any of the run stands in, and ``reached`` which all of it
    have a duplicate in (places, bytes of 8 splits).
    """

    members: Ints32
    starts: Ints
    ends: Ints32
    splits: Bytes
    reached: Bytes


class Known(NamedTuple):
    """What is known of every unit: its parent in its cluster, its splits, those it has a duplicate in, its sketch."""

    parents: Ints32
    splits: Bytes
    reached: Bytes
    sketch: Words


@compiled
def find_open_pairs(
    units: Stretches, known: Known, groups: Ints, limits: tuple[int, float], cursor: Ints, unfinished: Bits, pairs: Ints
) -> int:
    """Fill ``pairs`` from ``cursor`` on with pairs of units that might change what is known; return how many.

    They are less than fit when all ``groups`` (two crowds each, or one twice) are done. ``limits`` are how many pairs
    one unit may have in a group, which is then marked as ``unfinished``, and the least Jaccard similarity. Where it may
    have one, both are joined, in the hope that they are near. ``cursor`` holds the group, the places of both units in
    it (-1: from its beginning on), and how many pairs the first one had.
    """
    count, group, place, other, taken = 0, cursor[0], cursor[1], cursor[2], cursor[3]
    while group < len(groups):
        first, second = groups[group, 0], groups[group, 1]
        if place < 0:
            place = units.starts[first]
        while place < units.starts[first + 1]:
            is_alone = first == second
            end = place if is_alone else units.starts[second + 1]
            if other < 0:
                other, taken = units.starts[second], 0
                is_closed = units.ends[other] >= end and _are_closed(units, known, place, other)
                if is_closed and (not is_alone or _are_closed(units, known, place, place)):
                    place, other = units.ends[place], -1
                    continue
            before = count
            other, taken, count = _scan(units, known, (place, other, end, taken), limits, pairs, count)
            if limits[0] == 1 and count > before:
                join_two(known.parents, pairs[before, 0], pairs[before, 1])
            if other < end:
                if taken < limits[0]:
                    cursor[0], cursor[1], cursor[2], cursor[3] = group, place, other, taken
                    return count
                unfinished[group] = True
            place += 1
            other = -1
        group += 1
        place = -1
    cursor[0] = group
    return count


@inner
def _scan(
    units: Stretches,
    known: Known,
    row: tuple[int, int, int, int],
    limits: tuple[int, float],
    pairs: Ints,
    count: int,
) -> tuple[int, int, int]:
    """Compare a unit with those from a place up to another; return where it ended, its pairs so far, and the count."""
    place, other, end, taken = row
    member = units.members[place]
    root = find(known.parents, member)
    while other < end and taken < limits[0] and count < len(pairs):
        stop = min(units.ends[other], end)
        is_joined = find(known.parents, units.members[other]) == root
        if is_joined and _is_covered(known, member, units.splits[other], units.reached[other]):
            other = stop
        while other < stop and taken < limits[0] and count < len(pairs):
            it = units.members[other]
            is_open = not is_joined or not _is_covered(known, member, known.splits[it], known.reached[it])
            if is_open and _may_share(known.sketch, member, it, limits[1]):
                pairs[count, 0], pairs[count, 1] = member, it
                count += 1
                taken += 1
            other += 1
    return other, taken, count


@inner
def _are_closed(units: Stretches, known: Known, place: int, other: int) -> bool:
    """Return whether no pair of two runs says anything new."""
    is_closed = find(known.parents, units.members[place]) == find(known.parents, units.members[other])
    for index in range(units.splits.shape[1]):
        is_closed &= units.splits[place, index] & ~units.reached[other, index] == 0
        is_closed &= units.splits[other, index] & ~units.reached[place, index] == 0
    return is_closed


@inner
def _is_covered(known: Known, member: int, splits: Bytes, reached: Bytes) -> bool:
    """Return whether a unit is known to have duplicates in all of ``splits``, and ``reached`` has those of the unit."""
    is_covered = True
    for index in range(len(splits)):
        is_covered &= splits[index] & ~known.reached[member, index] == 0
        is_covered &= known.splits[member, index] & ~reached[index] == 0
    return is_covered


@inner
def _may_share(sketch: Words, a: int, b: int, least: float) -> bool:
    """Return ``sketch.mark_possible`` of one pair; every pair may share its tokens where there are no sketches."""
    if not len(sketch):
        return True
    sizes = to_int(sketch[a, 1] >> _SHIFT), to_int(sketch[b, 1] >> _SHIFT)
    differ = (sketch[a, 1] ^ sketch[b, 1]) & _BITS
    total = sizes[0] + sizes[1]
    most = (total - count_bits(sketch[a, 0] ^ sketch[b, 0]) - count_bits(differ)) // 2
    return UNKNOWN in sizes or most >= least * (total - most)


@compiled
def tally_groups(members: Ints32, starts: Ints, groups: Ints, rows: Ints, counts: Ints, wanted: Bits) -> None:
    """Add to ``counts`` how many pairs of rows of every split ``groups`` of two different crowds stand for.

    ``rows`` (crowds, splits) holds how many rows a crowd has. The members of all groups are marked as ``wanted``.
    """
    for group in range(len(groups)):
        first, second = groups[group, 0], groups[group, 1]
        for split in range(len(counts)):
            counts[split] += rows[first, split] * rows[second, split] * (first != second)
        for crowd in (first, second):
            for place in range(starts[crowd], starts[crowd + 1]):
                wanted[members[place]] = True


@compiled
def find_roots(parents: Ints32, members: Ints32, roots: Ints32) -> None:
    """Fill ``roots`` with the lowest member of the cluster of each of ``members``."""
    for index in range(len(members)):
        roots[index] = find(parents, members[index])
