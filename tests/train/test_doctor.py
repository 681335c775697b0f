"""Each sign of trouble is told from health, reported once, and ends the training only where that was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from support import Heard

from forgelm.base.errors import TrainingError
from forgelm.base.events import Event
from forgelm.config.training import Trouble
from forgelm.train.doctor import ADVICE, Doctor

HEALTHY = {"loss": 1.0, "grad_norm": 0.5, "kl": 0.1, "frac_reward_zero_std": 0.2}


class State:
    global_step = 0


def listen(reports: Sequence[dict[str, Any]], trainer: str = "sft", **options: Any) -> list[dict[str, Any]]:
    heard, state = Heard(), State()
    doctor = Doctor(heard, trainer, **options)
    for number, report in enumerate(reports, 1):
        state.global_step = number
        doctor.log(state, report)
    return [fields for event, fields in heard.events if event is Event.TRAINING_TROUBLE]


@pytest.mark.parametrize(
    ("sign", "kind", "needed"),
    [
        ({"grad_norm": math.nan}, "gradient_not_finite", 1),
        ({"grad_norm": math.inf}, "gradient_not_finite", 1),
        ({"grad_norm": 0.0}, "zero_gradient", 3),
        ({"loss": -1.0}, "impossible_loss", 3),
        ({"frac_reward_zero_std": 1.0}, "no_reward_signal", 3),
        ({"kl": 11.0}, "far_from_start", 3),
    ],
)
def test_a_sign_is_reported_once_it_stays(sign: dict[str, float], kind: str, needed: int) -> None:
    ill = HEALTHY | sign
    assert listen([ill] * (needed - 1) + [HEALTHY] + [ill] * (needed - 1)) == []
    (found,) = listen([HEALTHY, *[ill] * (needed + 5)])
    assert (found["kind"], found["step"]) == (kind, needed + 1)
    assert found["cause"]
    assert found["change"]


def test_health_is_not_trouble_and_grpo_may_go_below_zero() -> None:
    assert listen([HEALTHY] * 20 + [{"eval_loss": 0.0}] * 5) == []
    assert listen([HEALTHY | {"loss": -0.1}] * 9, "grpo") == []


def test_it_ends_the_training_only_where_asked() -> None:
    ill = [HEALTHY | {"grad_norm": 0.0}] * 9
    assert len(listen(ill, stop_on=["impossible_loss"])) == 1
    with pytest.raises(TrainingError, match=r"at step 3, as training\.stop_on asks: zero_gradient") as caught:
        listen(ill, stop_on=["zero_gradient"])
    assert caught.value.hint == ADVICE["zero_gradient"].change


def test_steps_that_become_several_times_slower_are_seen() -> None:
    times = [0.0, 9.0, *(9.0 + number for number in range(1, 14)), 30.0, 40.0, 50.0, 60.0]
    ticks, heard, state = iter(times), Heard(), State()
    doctor = Doctor(heard, "sft", clock=lambda: next(ticks))
    for number in range(len(times)):
        state.global_step = number + 1
        doctor.step(state, None)
    (found,) = [fields for _, fields in heard.events]
    assert found["kind"] == "slowdown"
    assert found["value"] > 4


def test_every_kind_has_its_advice() -> None:
    assert set(ADVICE) == set(get_args(Trouble))
