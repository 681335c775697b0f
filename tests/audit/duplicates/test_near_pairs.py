"""The search for near fingerprints: nothing missed, nothing twice, and no more work than the tables promise."""

from __future__ import annotations

import random

import numpy as np
import pytest
from duplicate_corpora import ENGINES, NEEDS_NUMBA
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.duplicates.near_pairs import (
    BITS,
    Work,
    cut_tables,
    find_near_duplicates,
    iterate_near_pairs,
    plan_tables,
)
from forgelm.audit.rows.arrays import Words
from forgelm.base.errors import ConfigError


def _crowd(rows: int, seed: int) -> Words:
    """Random fingerprints, a third of them within a few bits of another."""
    chance = random.Random(seed)
    values = [chance.getrandbits(BITS) for _ in range(rows)]
    for place in range(rows // 3):
        values[place] = values[chance.randrange(rows)]
        for _ in range(chance.randrange(9)):
            values[place] ^= 1 << chance.randrange(BITS)
    return np.array(values, np.uint64)


def _brute_force(values: Words, threshold: int) -> set[tuple[int, int]]:
    near = np.bitwise_count(values[:, None] ^ values[None]) <= threshold
    return set(map(tuple, np.argwhere(np.triu(near, 1)).tolist()))


def _search(values: Words, threshold: int, compiled: bool) -> list[tuple[int, int]]:
    blocks = iterate_near_pairs(values, threshold, compiled=compiled)
    return [(min(pair), max(pair)) for block in blocks for pair in block.tolist()]


@pytest.mark.parametrize("compiled", ENGINES)
@pytest.mark.parametrize("threshold", [0, 1, 2, 3, 4, 5, 6, 9, 31, 63, 64])
def test_every_pair_is_found_once(threshold: int, compiled: bool) -> None:
    values = _crowd(900 if threshold < 20 else 120, threshold)
    found = _search(values, threshold, compiled)
    assert len(found) == len(set(found))
    assert set(found) == _brute_force(values, threshold)
    assert found


@pytest.mark.parametrize("compiled", ENGINES)
@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 255), max_size=40), st.integers(0, 6))
@settings(max_examples=150, deadline=None)
def test_every_pair_of_any_values_is_found_once(compiled: bool, values: list[int], threshold: int) -> None:
    array = np.array(values, np.uint64)
    found = _search(array, threshold, compiled)
    assert sorted(found) == sorted(_brute_force(array, threshold))


@pytest.mark.parametrize("threshold", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("agreeing", [1, 2, 3])
def test_two_near_fingerprints_meet_in_one_table_only(threshold: int, agreeing: int) -> None:
    chance = random.Random(threshold)
    tables = cut_tables(threshold + agreeing, agreeing)
    for _ in range(300):
        differ = sum(1 << bit for bit in chance.sample(range(BITS), threshold))
        meeting = [
            table for table in tables if not differ & table.agree and all(differ & mask for mask in table.differ)
        ]
        assert len(meeting) == 1


def test_more_rows_and_denser_crowds_get_finer_tables() -> None:
    chance = np.random.default_rng(0)
    spread = np.unique(chance.integers(1, 2**64, 400_000, dtype=np.uint64))
    crowd = np.unique(spread & np.uint64(0x0F0F_3333_0F0F_5555))
    assert [len(plan_tables(rows, 3)) for rows in (spread[:100], spread[:50_000])] == [1, 4]
    assert len(plan_tables(crowd, 3)) > len(plan_tables(spread[: len(crowd)], 3))


@pytest.mark.parametrize("compiled", ENGINES)
def test_twice_the_rows_is_about_twice_the_work(compiled: bool) -> None:
    compared = []
    for rows in (20_000, 40_000, 80_000):
        values = np.unique(np.random.default_rng(rows).integers(1, 2**64, rows, dtype=np.uint64))
        work = Work()
        assert sum(map(len, iterate_near_pairs(values, 3, compiled=compiled, work=work))) == 0
        compared.append(work.compared)
    assert compared[-1] < 80_000**2 / 2 / 10_000
    assert compared[2] < 5 * compared[1] < 25 * compared[0]


@NEEDS_NUMBA
def test_both_engines_do_the_same_work() -> None:
    values, works = _crowd(3000, 5), (Work(), Work())
    for compiled, work in zip((True, False), works, strict=True):
        list(iterate_near_pairs(values, 3, compiled=compiled, work=work))
    assert works[0] == works[1]


def test_pairs_come_with_rows_and_distances() -> None:
    assert find_near_duplicates([5, 0, 5, 7, 0, 1 << 40], threshold=1) == [(0, 2, 0), (0, 3, 1), (2, 3, 1)]
    assert find_near_duplicates([], threshold=3) == []


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(ConfigError, match="near_dup_threshold"):
        find_near_duplicates([1, 2], threshold=-1)
