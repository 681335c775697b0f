"""The preference loss of each trainer, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forgelm.config.training import TrainingConfig
from forgelm.data.rows import Row
from forgelm.evaluate.preference import Likelihoods, measure_preference
from forgelm.train.logps import Likelihood
from forgelm.train.tokenise import Example

BASE = Likelihoods((Likelihood(-4.0, 2),), (Likelihood(-6.0, 3),))
TUNED = Likelihoods((Likelihood(-2.0, 2),), (Likelihood(-9.0, 3),))
EXAMPLE = Example([1], [1], Row({"label": True}, "d", 1))


def measure(trainer: str, tuned: Likelihoods = TUNED, base: Likelihoods = BASE, **training: Any) -> Any:
    config = TrainingConfig(trainer_type=trainer, **training)
    return measure_preference(config, [EXAMPLE] * len(tuned.replies), tuned, base)


def logistic(distance: float) -> float:
    return math.log(1 + math.exp(-distance))


def test_dpo_measures_how_far_both_replies_moved_from_the_base() -> None:
    measured = measure("dpo", dpo_beta=0.5)
    assert measured.value == pytest.approx(logistic(0.5 * ((-2 + 4) - (-9 + 6))))
    assert measured.baseline == pytest.approx(math.log(2))
    assert (measured.details["margin"], measured.details["baseline_margin"]) == (7.0, 2.0)
    assert (measured.details["accuracy"], measured.n) == (1.0, 1)


def test_simpo_measures_the_mean_token_less_its_margin() -> None:
    measured = measure("simpo", simpo_beta=2.0, simpo_gamma=0.5)
    assert measured.value == pytest.approx(logistic(2 * (-1 + 3) - 0.5))
    assert measured.baseline == pytest.approx(logistic(2 * (-2 + 2) - 0.5))


def test_orpo_measures_the_odds() -> None:
    def odds(mean: float) -> float:
        return mean - math.log(1 - math.exp(mean))

    assert measure("orpo", orpo_beta=0.5).value == pytest.approx(1 + 0.5 * logistic(odds(-1) - odds(-3)))
    certain = Likelihoods((Likelihood(0.0, 2),), (Likelihood(-6.0, 3),))
    assert math.isfinite(measure("orpo", certain).value)


def test_kto_judges_each_reply_by_itself() -> None:
    good, bad = (Example([1], [1], Row({"label": label}, "d", 1)) for label in (True, False))
    tuned = Likelihoods((Likelihood(-2.0, 2), Likelihood(-9.0, 3)))
    base = Likelihoods((Likelihood(-4.0, 2), Likelihood(-6.0, 3)))
    config = TrainingConfig(trainer_type="kto", kto_beta=0.5)
    measured = measure_preference(config, [good, bad], tuned, base)
    wanted = [1 - 1 / (1 + math.exp(-distance)) for distance in (0.5 * 2, 0.5 * 3)]
    assert measured.value == pytest.approx(sum(wanted) / 2)
    assert measured.baseline == 0.5
    assert measured.details["margin"] == 7.0
    one_kind = measure_preference(config, [good, good], tuned, base)
    assert one_kind.details["margin"] is None


def test_extremes_overflow_nowhere() -> None:
    far = Likelihoods((Likelihood(-1e6, 2),), (Likelihood(0.0, 3),))
    assert measure("dpo", far).value == pytest.approx(0.1 * (1e6 - 4 + 6), rel=1e-6)
