"""The loops over crowds, against all pairs."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from forgelm.audit.duplicates.crowd_kernel import Known, Stretches, find_open_pairs, find_roots, tally_groups
from forgelm.audit.duplicates.pair_kernel import join
from forgelm.audit.rows.arrays import Ints
from forgelm.audit.rows.sketch import UNKNOWN, mark_possible, sketch_rows

ROWS, STARTS = 40, np.array([0, 25, 40])
GROUPS = np.array([[0, 0], [0, 1]])


def _make() -> tuple[Stretches, Known, set[tuple[int, int]]]:
    """Two crowds of rows with few tokens, each a run of its own in one split, and the pairs of ``GROUPS``."""
    chance = np.random.default_rng(3)
    counts = chance.integers(1, 9, ROWS)
    sketch = sketch_rows(chance.integers(0, 12, counts.sum()).astype(np.uint64) << np.uint64(28), counts)
    sketch[7] = 0, UNKNOWN << 48
    one = np.ones((ROWS, 1), np.uint8)
    members = chance.permutation(ROWS).astype(np.int32)
    units = Stretches(members, STARTS, np.arange(1, ROWS + 1, dtype=np.int32), one.copy(), one.copy())
    first, second = members[:25].tolist(), members[25:].tolist()
    every = {*map(frozenset, combinations(first, 2)), *map(frozenset, product(first, second))}
    return (
        units,
        Known(np.arange(ROWS, dtype=np.int32), one, one.copy(), sketch),
        {(min(pair), max(pair)) for pair in every},
    )


def _list(units: Stretches, known: Known, most: int, room: int) -> tuple[list[tuple[int, ...]], list[bool]]:
    found: list[tuple[int, ...]] = []
    cursor, unfinished, pairs = np.array([0, -1, -1, 0]), np.zeros(2, bool), np.empty((room, 2), np.int64)
    while cursor[0] < len(GROUPS):
        count = find_open_pairs(units, known, GROUPS, (most, 0.5), cursor, unfinished, pairs)
        found += ((min(pair), max(pair)) for pair in pairs[:count].tolist())
    return found, unfinished.tolist()


def _sum(pairs: Ints, rows: Ints) -> list[int]:
    return [sum(int(rows[a, split] * rows[b, split]) for a, b in pairs if a != b) for split in range(rows.shape[1])]


@pytest.mark.parametrize("room", [1, 7, 5000])
def test_all_pairs_that_sketches_leave_come_once(room: int) -> None:
    units, known, every = _make()
    found, unfinished = _list(units, known, ROWS, room)
    listed = sorted(every)
    possible = mark_possible(known.sketch, np.array(listed), 0.5)
    assert sorted(found) == [pair for pair, is_possible in zip(listed, possible, strict=True) if is_possible]
    assert 50 < len(found) < len(every) and unfinished == [False, False]


@pytest.mark.parametrize("room", [1, 5000])
def test_a_unit_has_no_more_pairs_in_a_group_than_it_may(room: int) -> None:
    units, known, every = _make()
    found, unfinished = _list(units, known, 2, room)
    assert len(found) == len(set(found)) and set(found) < every
    assert unfinished == [True, True]


def test_what_is_joined_comes_only_for_its_splits() -> None:
    units, known, every = _make()
    join(known.parents, np.array([(row, row + 1) for row in range(ROWS - 1)]))
    assert _list(units, known, ROWS, 5000) == ([], [False, False])
    known.splits[3] = units.splits[np.flatnonzero(units.members == 3)] = 0b10
    found, _ = _list(units, known._replace(sketch=known.sketch[:0]), ROWS, 5000)
    assert sorted(found) == sorted(pair for pair in every if 3 in pair)


def test_groups_are_tallied_by_split() -> None:
    chance = np.random.default_rng(1)
    members, starts = np.array([4, 0, 2, 5], np.int32), np.array([0, 2, 3, 4])
    groups, rows = np.array([[0, 1], [1, 2], [1, 1]]), chance.integers(1, 9, (3, 2))
    counts, wanted = np.zeros(2, np.int64), np.zeros(7, bool)
    tally_groups(members, starts, groups, rows, counts, wanted)
    assert counts.tolist() == _sum(groups, rows)
    assert np.flatnonzero(wanted).tolist() == [0, 2, 4, 5]


def test_roots_are_the_lowest_of_their_clusters() -> None:
    parents = np.arange(6, dtype=np.int32)
    join(parents, np.array([(5, 3), (3, 1), (2, 4)]))
    roots = np.zeros(4, np.int32)
    find_roots(parents, np.array([5, 4, 0, 1], np.int32), roots)
    assert roots.tolist() == [1, 2, 0, 1]
