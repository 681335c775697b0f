"""Lengths: exact statistics, and the batches that a run would make of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.lengths import advise_batching, count_tokens, measure_truncation, summarize_lengths
from forgelm.base.errors import ConfigError
from forgelm.data.batching import choose_batching

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


def test_the_advice_is_what_a_run_would_choose() -> None:
    for lengths, limit in ((CHAT, 128), (CHAT, None), (np.full(500, 700, np.int32), 1024)):
        advice = advise_batching(lengths, 8, max_length=limit)
        assert advice == choose_batching(lengths.tolist(), 8, max_length=limit)
    assert advice is not None
    assert advice.random_waste == pytest.approx(0.0)


def test_no_rows_need_no_advice() -> None:
    assert advise_batching(_array([0, 0]), 8) is None


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_length"):
        measure_truncation(CHAT, 0)
    with pytest.raises(ConfigError, match="batch_size"):
        advise_batching(CHAT, 0)


def test_tokens_are_counted_by_what_is_given() -> None:
    assert count_tokens(["a b", ""], lambda texts: [len(text.split()) for text in texts]).tolist() == [2, 0]
