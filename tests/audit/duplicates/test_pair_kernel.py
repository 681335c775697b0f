"""The loops over pairs, against numpy and sets."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.duplicates.pair_kernel import Columns, compare_sets, join, sort_digit


def test_sorting_by_a_digit_is_stable() -> None:
    for shift, bits in ((0, 1), (0, 13), (5, 12), (20, 11)):
        chance = np.random.default_rng(bits)
        keys = chance.integers(0, 2**32, 3000, dtype=np.uint64).astype(np.uint32)
        columns = Columns(chance.integers(0, 2**63, 3000).astype(np.uint64), np.arange(3000, dtype=np.uint32), keys)
        moved = Columns(*(np.empty_like(column) for column in columns))
        sort_digit(columns, moved, np.uint32(shift), np.zeros(1 << bits, np.int64))
        expected = np.argsort(keys >> np.uint32(shift) & np.uint32((1 << bits) - 1), kind="stable")
        assert all(np.array_equal(to, column[expected]) for to, column in zip(moved, columns, strict=True))


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=20), min_size=2, max_size=6), st.sampled_from([0.0, 0.5, 0.8, 1.0])
)
@settings(deadline=None)
def test_sets_are_compared_by_their_jaccard_similarity(rows: list[list[int]], least: float) -> None:
    sets = [sorted(set(row)) for row in rows]
    hashes = np.array([value for row in sets for value in row], np.uint64)
    ends = np.cumsum([0, *map(len, sets)])
    pairs = np.array([(a, b) for a in range(len(rows)) for b in range(len(rows))])
    alike = np.zeros(len(pairs), bool)
    compare_sets(hashes, ends, pairs, least, alike)
    for (a, b), found in zip(pairs.tolist(), alike.tolist(), strict=True):
        first, second = set(rows[a]), set(rows[b])
        assert found == (len(first & second) >= least * len(first | second))


def test_joined_members_have_the_lowest_as_parent() -> None:
    chance = random.Random(1)
    pairs = [(chance.randrange(300), chance.randrange(300)) for _ in range(150)]
    parents = np.arange(300, dtype=np.int32)
    join(parents, np.array(pairs))
    lowest = list(range(300))
    for a, b in pairs:
        low, high = sorted((lowest[a], lowest[b]))
        lowest = [low if one == high else one for one in lowest]
    roots = parents.tolist()
    assert all(roots[member] <= member and lowest[roots[member]] == lowest[member] for member in range(300))
