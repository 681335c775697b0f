"""Lengths: exact statistics, and expectations of padding against all batches there can be."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.lengths import advise_batching, count_tokens, measure_truncation, summarize_lengths
from forgelm.base.errors import ConfigError

CHAT = np.random.default_rng(0).lognormal(4.3, 0.8, 20_000).astype(np.int32) + 1


def _array(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(values, np.int32)


@given(st.lists(st.integers(0, 2000), max_size=60))
def test_statistics_are_those_of_the_rows_that_are_not_empty(values: list[int]) -> None:
    summary, filled = summarize_lengths(_array(values)), sorted(value for value in values if value)
    if not filled:
        assert summary is None
        return
    assert summary is not None
    assert (summary.rows, summary.min, summary.max, summary.total) == (len(filled), filled[0], filled[-1], sum(filled))
    assert summary.mean == pytest.approx(sum(filled) / len(filled))
    for share, value in ((0.5, summary.p50), (0.95, summary.p95), (0.99, summary.p99)):
        assert sum(one <= value for one in filled) >= share * len(filled) > sum(one < value for one in filled)
    edges, counts = summary.histogram.edges, summary.histogram.counts
    assert list(edges) == sorted(set(edges)) and len(edges) == len(counts) + 1
    assert list(counts) == [sum(a <= one < b for one in filled) for a, b in pairwise(edges)]
    assert sum(counts) == len(filled)


def test_truncation_counts_rows_and_tokens() -> None:
    cut = measure_truncation(_array([0, 10, 20, 30, 60]), 25)
    assert (cut.rows, cut.row_share) == (2, 0.5)
    assert cut.token_share == pytest.approx((5 + 35) / 120)
    assert measure_truncation(_array([0]), 5).token_share == 0.0


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.integers(1, 9))
def test_the_waste_of_random_batches_is_the_mean_over_all_of_them(values: list[int], size: int) -> None:
    advice = advise_batching(_array(values), size)
    assert advice is not None
    longest = [max(batch) for batch in combinations(values, min(size, len(values)))]
    useful = np.mean(values) / np.mean(longest)
    assert advice.random_waste == pytest.approx(1 - useful)
    assert advice.speedup == pytest.approx(1 / useful)


def test_grouping_rows_of_like_length_wastes_little() -> None:
    advice = advise_batching(CHAT, 8)
    assert advice is not None
    chance = np.random.default_rng(1)
    drawn = np.array([np.sort(chance.choice(CHAT, 400))[::-1] for _ in range(200)])
    padded = drawn[:, ::8].sum() * 8
    assert advice.grouped_waste == pytest.approx(1 - drawn.sum() / padded, abs=0.02)
    assert advice.random_waste > 0.4
    assert advice.grouped_waste < 0.15
    assert advice.mode == "group_by_length"


def test_the_mode_follows_from_the_lengths() -> None:
    even = advise_batching(np.full(500, 700, np.int32), 8, max_length=1024)
    short = advise_batching(CHAT, 8, max_length=2048)
    full = advise_batching(CHAT, 8, max_length=128)
    assert even is not None and short is not None and full is not None
    assert (even.mode, short.mode, full.mode) == ("any", "packing", "group_by_length")
    assert even.random_waste == pytest.approx(0.0)
    assert "padding" in short.reason


def test_no_rows_need_no_advice() -> None:
    assert advise_batching(_array([0, 0]), 8) is None


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_length"):
        measure_truncation(CHAT, 0)
    with pytest.raises(ConfigError, match="batch_size"):
        advise_batching(CHAT, 0)


def test_tokens_are_counted_by_what_is_given() -> None:
    assert count_tokens(["a b", ""], lambda texts: [len(text.split()) for text in texts]).tolist() == [2, 0]
