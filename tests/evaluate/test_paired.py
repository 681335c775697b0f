"""The interval around a difference of shares: as derived, never without width, and right as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forgelm.evaluate.paired import paired_proportion_interval
from forgelm.evaluate.statistics import bootstrap_difference

Z = 1.959963984540054


def pairs(both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    tuned = [True] * (both + gained) + [False] * (lost + neither)
    base = [True] * both + [False] * gained + [True] * lost + [False] * neither
    return tuned, base


@pytest.mark.parametrize("cells", [(36, 12, 2, 0), (20, 12, 2, 16), (3, 1, 0, 6), (10, 0, 4, 2), (0, 9, 9, 2)])
def test_at_its_ends_the_score_test_is_just_not_refused(cells: tuple[int, int, int, int]) -> None:
    found = paired_proportion_interval(*pairs(*cells))
    assert found is not None
    _, gained, lost, _ = cells
    n = sum(cells)
    for end, expected in ((found.low, Z), (found.high, -Z)):
        # The likeliest share of losses under this change, by looking at all of them.
        losses = np.linspace(max(0.0, -end), (1.0 - end) / 2.0, 400_001)[1:-1]
        likelihood = (
            gained * np.log(losses + end + 1e-300)
            + lost * np.log(losses)
            + (n - gained - lost) * np.log(1.0 - 2 * losses - end)
        )
        best = losses[likelihood.argmax()]
        statistic = (gained - lost - n * end) / math.sqrt(n * (2 * best + end * (1.0 - end)))
        assert statistic == pytest.approx(expected, abs=2e-3)


def test_two_models_that_never_differ_are_not_certain_to_be_equal() -> None:
    found = paired_proportion_interval(*pairs(30, 0, 0, 24))
    assert found is not None
    assert found.high == pytest.approx(Z * Z / (54 + Z * Z)) == -found.low
    assert paired_proportion_interval([], []) is None


def test_all_and_none_stay_between_the_ends_of_the_scale() -> None:
    better, worse = (paired_proportion_interval(*pairs(*cells)) for cells in ((0, 8, 0, 0), (0, 0, 8, 0)))
    assert better is not None and worse is not None
    assert 0.0 < better.low < better.high <= 1.0 and worse.low == pytest.approx(-better.high)


@pytest.mark.parametrize(
    ("count", "share", "gained", "lost"),
    [(40, 0.5, 0.3, 0.1), (100, 0.8, 0.5, 0.05), (60, 0.6, 0.1, 0.1), (20, 0.5, 0.5, 0.1)],
)
def test_a_nominal_95_percent_holds_between_93_and_97(count: int, share: float, gained: float, lost: float) -> None:
    random, truth, hits = np.random.default_rng(5), (1 - share) * gained - share * lost, 0
    for _ in range(600):
        base = random.random(count) < share
        tuned = np.where(base, random.random(count) >= lost, random.random(count) < gained)
        found = paired_proportion_interval(tuned.tolist(), base.tolist())
        hits += found is not None and found.low <= truth <= found.high
    assert 0.93 <= hits / 600 <= 0.97


def test_where_answers_hardly_differ_it_holds_while_a_bootstrap_does_not() -> None:
    random, truth = np.random.default_rng(8), 0.1 * 0.1 - 0.9 * 0.02
    ours = theirs = 0
    for trial in range(200):
        base = random.random(30) < 0.9
        tuned = np.where(base, random.random(30) >= 0.02, random.random(30) < 0.1)
        found = paired_proportion_interval(tuned.tolist(), base.tolist())
        other = bootstrap_difference(tuned.astype(float), base.astype(float), seed=trial)
        ours += found is not None and found.low <= truth <= found.high
        theirs += other is not None and other.low <= truth <= other.high
    assert ours / 200 >= 0.95 and theirs / 200 < 0.7
