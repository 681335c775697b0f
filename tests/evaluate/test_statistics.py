"""Intervals: as wide as they should be, and right as often as they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest

from forgelm.evaluate.statistics import (
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_statistic,
    proportion_interval,
    proportion_lower_bound,
    proportion_upper_bound,
)

Draw = Callable[[Any, int], Any]


def test_the_interval_of_a_mean_is_as_wide_as_students() -> None:
    values = np.random.default_rng(3).normal(5, 2, 12).tolist()
    found = bootstrap_mean(values)
    assert found is not None and found.samples == 12
    half = 2.200985 * stdev(values) / math.sqrt(12)
    assert found.low == pytest.approx(mean(values) - half, abs=0.15 * half)
    assert found.high == pytest.approx(mean(values) + half, abs=0.15 * half)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda random, count: random.normal(0, 1, count), 0.0),
        (lambda random, count: random.exponential(1, count), 1.0),
        (lambda random, count: (random.random(count) < 0.4).astype(float), 0.4),
    ],
    ids=["normal", "skewed", "yes or no"],
)
def test_a_nominal_95_percent_holds_between_90_and_97(draw: Draw, truth: float) -> None:
    random = np.random.default_rng(7)
    intervals = [bootstrap_mean(draw(random, 100), seed=trial) for trial in range(300)]
    hits = sum(found is not None and found.low <= truth <= found.high for found in intervals)
    assert 0.90 <= hits / 300 <= 0.97


def test_weighted_samples_cover_the_ratio_of_the_sums() -> None:
    random = np.random.default_rng(11)
    hits = 0
    for trial in range(300):
        weights = random.integers(1, 40, 80)
        # Long rows are easier: the mean over tokens is not the mean over rows.
        values = random.normal(3.0 - 0.05 * weights, 0.3)
        found = bootstrap_mean(values, weights, seed=trial)
        truth = (np.arange(1, 40) * (3.0 - 0.05 * np.arange(1, 40))).sum() / np.arange(1, 40).sum()
        hits += found is not None and found.low <= truth <= found.high
    assert 0.90 <= hits / 300 <= 0.97


def test_a_paired_difference_is_far_surer_than_two_means() -> None:
    random = np.random.default_rng(5)
    base = random.normal(2, 1, 50)
    tuned = base - 0.1 + random.normal(0, 0.02, 50)
    paired = bootstrap_difference(tuned, base)
    apart = bootstrap_mean(tuned)
    assert paired is not None and apart is not None
    assert paired.high < 0
    assert paired.high - paired.low < (apart.high - apart.low) / 10


def test_the_same_values_give_the_same_interval() -> None:
    assert bootstrap_mean([1.0, 2.0, 4.0, 8.0, 9.0]) == bootstrap_mean([1.0, 2.0, 4.0, 8.0, 9.0])


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, math.nan, 5.0, math.inf]])
def test_too_few_or_broken_values_have_no_interval(values: list[float]) -> None:
    assert bootstrap_mean(values) is None


def test_many_samples_are_resampled_in_blocks() -> None:
    found = bootstrap_mean(np.random.default_rng(2).normal(0, 1, 300_000)[:200_000])
    assert found is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 / math.sqrt(200_000), rel=0.1)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # R's binom.test and Clopper and Pearson's closed forms at the ends: 1 - (alpha / 2) ** (1 / n).
    [(0, 50, 0.0, 1 - 0.025 ** (1 / 50)), (50, 50, 0.025 ** (1 / 50), 1.0), (5, 10, 0.187086, 0.812914)],
)
def test_a_share_has_the_exact_interval(successes: int, n: int, low: float, high: float) -> None:
    found = proportion_interval(successes, n)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)


def test_no_unsafe_answer_of_fifty_shows_only_less_than_six_percent() -> None:
    assert proportion_upper_bound(0, 50) == pytest.approx(1 - 0.05 ** (1 / 50))
    assert round(proportion_upper_bound(0, 50), 3) == 0.058
    assert proportion_lower_bound(50, 50) == pytest.approx(0.05 ** (1 / 50))
    assert proportion_interval(0, 0) is None


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("n", [10, 50, 300])
def test_the_interval_of_a_share_covers_at_least_what_it_claims(share: float, n: int) -> None:
    weights = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    found = [proportion_interval(k, n) for k in range(n + 1)]
    covered = sum(w for w, one in zip(weights, found, strict=True) if one and one.low <= share <= one.high)
    assert 0.95 <= covered <= 0.9999


def test_the_interval_of_a_statistic_agrees_with_that_of_a_mean() -> None:
    values = np.random.default_rng(5).normal(5, 2, 40).tolist()
    whole, general = bootstrap_mean(values), bootstrap_statistic(lambda places: mean(values[p] for p in places), 40)
    assert whole is not None and general is not None
    assert (general.low, general.high) == pytest.approx((whole.low, whole.high), abs=0.1)
    assert bootstrap_statistic(lambda places: 1.0, 4) is None
    assert bootstrap_statistic(lambda places: math.nan, 40) is None


def test_a_perplexity_of_rows_of_many_lengths_is_covered() -> None:
    random, hits = np.random.default_rng(2), 0
    for trial in range(200):
        words = random.integers(5, 30, 60)
        nats = random.normal(1.5, 0.4, 60) * words
        found = bootstrap_statistic(
            lambda drawn, nats=nats, words=words: math.exp(nats[drawn].sum() / words[drawn].sum()),  # type: ignore[misc]
            60,
            seed=trial,
            resamples=400,
        )
        hits += found is not None and found.low <= math.exp(1.5) <= found.high
    assert 0.90 <= hits / 200 <= 0.97
