"""The interval around a mean of several numbers: one keeps its own, many are covered as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from forgelm.evaluate.combination import combine_intervals
from forgelm.evaluate.statistics import Interval, bootstrap_mean, proportion_interval


def test_one_number_keeps_its_interval() -> None:
    own = Interval(0.5, 0.9, 0.95, 20)
    found = combine_intervals([0.8], [own], [1.0])
    assert found is not None
    assert (found.low, found.high, found.samples) == (pytest.approx(0.5), pytest.approx(0.9), 20)


def test_distances_are_squared_and_added_on_each_side() -> None:
    found = combine_intervals([0.5, 0.5], [Interval(0.2, 0.6, 0.95, 5), Interval(0.1, 0.7, 0.95, 5)], [0.5, 0.5])
    assert found is not None
    assert found.low == pytest.approx(0.5 - 0.25) and found.high == pytest.approx(0.5 + np.hypot(0.05, 0.1))


@pytest.mark.parametrize("intervals", [[], [None], [Interval(0, 1, 0.95, 9), None]])
def test_an_unknown_interval_leaves_the_whole_unknown(intervals: list[Interval | None]) -> None:
    assert combine_intervals([0.5] * len(intervals), intervals, [1.0] * len(intervals)) is None


def test_a_nominal_95_percent_of_a_mean_of_shares_and_means_holds() -> None:
    random = np.random.default_rng(9)
    hits, trials = 0, 300
    for trial in range(trials):
        one, two = (random.random(60) < 0.9), (random.random(25) < 0.4)
        three = random.beta(2, 5, 40)
        values = [one.mean(), two.mean(), three.mean()]
        intervals = [
            proportion_interval(int(one.sum()), 60),
            proportion_interval(int(two.sum()), 25),
            bootstrap_mean(three.tolist(), seed=trial),
        ]
        found = combine_intervals(values, intervals, [1 / 3] * 3)
        hits += found is not None and found.low <= (0.9 + 0.4 + 2 / 7) / 3 <= found.high
    # Clopper and Pearson's intervals are exact, which is wider than nominal.
    assert 0.93 <= hits / trials <= 0.995
