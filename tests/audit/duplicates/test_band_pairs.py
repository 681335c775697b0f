"""Pairs that agree in a band: all of them, each once."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.duplicates.band_pairs import iterate_band_pairs


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=30))
def test_every_pair_that_agrees_somewhere_comes_once(rows: list[tuple[int, ...]]) -> None:
    bands = np.array(rows, np.uint32).reshape(-1, 3)
    numbers = np.arange(len(rows), dtype=np.int32)
    found = sorted(tuple(sorted(pair)) for block in iterate_band_pairs(bands, numbers) for pair in block.tolist())
    agreeing = [(a, b) for a, b in combinations(range(len(rows)), 2) if (bands[a] == bands[b]).any()]
    assert found == agreeing


def test_a_large_bucket_comes_in_blocks() -> None:
    blocks = list(iterate_band_pairs(np.zeros((700, 2), np.uint32), np.arange(700, dtype=np.int32)))
    assert sum(map(len, blocks)) == 700 * 699 // 2
    assert max(map(len, blocks)) <= 1 << 15


def test_only_the_rows_asked_for_are_compared() -> None:
    blocks = list(iterate_band_pairs(np.zeros((9, 2), np.uint32), np.array([2, 5, 8], np.int32)))
    assert np.concatenate(blocks).tolist() == [[2, 5], [5, 8], [2, 8]]
