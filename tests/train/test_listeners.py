"""What hears the training loop: progress that adds up, a stop at the next step, an end at the first bad loss."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from transformers.trainer_callback import TrainerControl, TrainerState

from forgelm.base.errors import ExitCode, TrainingError
from forgelm.base.events import Event
from forgelm.config.training import TrainingConfig
from forgelm.model.hardware import Hardware
from forgelm.model.precision import Precision
from forgelm.train.arguments import Plan
from forgelm.train.listeners import Evaluations, FiniteLoss, Listener, Progress, StopOnRequest

FP32 = Precision("float32", None, four_bit=False, compute_dtype="float32")


class Reports:
    """An ``Emit`` that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def __call__(self, event: Event, /, **fields: Any) -> None:
        assert event is Event.PROGRESS
        self.heard.append(fields)


@pytest.fixture
def reports() -> Reports:
    return Reports()


def state(step: int, total: int = 100) -> TrainerState:
    return TrainerState(global_step=step, max_steps=total)


def test_a_log_line_is_reported_with_its_numbers(reports: Reports) -> None:
    progress = Progress(reports)
    progress.begin(state(0))
    time.sleep(0.01)
    progress.log(state(10), {"loss": 1.5, "grad_norm": 0.3, "learning_rate": 1e-4, "epoch": 0.5, "num_tokens": 1000})
    (report,) = reports.heard
    assert {key: report[key] for key in ("step", "total", "loss", "grad_norm", "learning_rate")} == {
        "step": 10,
        "total": 100,
        "loss": 1.5,
        "grad_norm": 0.3,
        "learning_rate": 1e-4,
    }
    assert "epoch" not in report
    assert 0 < report["tokens_per_second"] < 1000 / 0.01
    assert report["eta_seconds"] > 0.01


@pytest.mark.parametrize(
    ("asked", "measured", "said"),
    [
        ({"eval_steps": 101}, True, True),
        ({"eval_steps": 100}, True, False),
        ({"early_stopping_patience": 2}, True, True),
        ({"load_best_model_at_end": True}, True, True),
        ({}, True, False),
        ({"eval_steps": 101}, False, False),
        ({"eval_steps": 101, "trainer_type": "grpo"}, True, False),
    ],
)
def test_a_training_too_short_for_an_evaluation_that_was_asked_for_says_so(
    asked: dict[str, Any], measured: bool, said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    plan = Plan("run", 10, measured, 256, "run", Hardware("cpu", bf16=False, fp16=False), FP32)
    Evaluations(TrainingConfig(**asked), plan).begin(state(0, total=100))
    assert ("more than the 100 steps" in caplog.text) is said


def test_the_time_left_counts_only_the_steps_of_this_process(reports: Reports) -> None:
    progress = Progress(reports)
    progress.begin(state(90))
    time.sleep(0.05)
    progress.log(state(95), {"loss": 1.0})
    resumed = reports.heard[-1]["eta_seconds"]
    assert 0.04 < resumed < 60, "five steps were done and five are left: about as long again"


def test_nothing_done_yet_means_no_time_left_and_no_speed(reports: Reports) -> None:
    progress = Progress(reports)
    progress.begin(state(7))
    progress.log(state(7), {"eval_loss": 2.0})
    assert reports.heard == [
        {"step": 7, "total": 100, "tokens_per_second": None, "eta_seconds": None, "eval_loss": 2.0}
    ]


def test_the_speed_does_not_fall_between_two_counts_of_tokens(reports: Reports) -> None:
    progress = Progress(reports)
    progress.begin(state(0))
    time.sleep(0.05)
    progress.log(state(1), {"loss": 1.0, "num_tokens": 5000})
    time.sleep(0.3)
    progress.step(state(2), TrainerControl())
    counted, between = (report["tokens_per_second"] for report in reports.heard)
    assert between == counted


def test_steps_are_reported_sparingly_but_the_last_always(reports: Reports) -> None:
    progress = Progress(reports)
    progress.begin(state(0))
    for step in range(1, 101):
        progress.step(state(step), TrainerControl())
    steps = [report["step"] for report in reports.heard]
    assert steps[-1] == 100
    assert len(steps) <= 5
    assert reports.heard[-1]["eta_seconds"] == 0


def test_a_log_line_without_a_known_number_is_not_reported(reports: Reports) -> None:
    progress = Progress(reports)
    progress.begin(state(0))
    progress.log(state(1), {"train_runtime": 3.0, "entropy": 1.0})
    assert reports.heard == []


def test_a_stop_saves_and_leaves_at_the_next_step() -> None:
    asked = False
    listener, control = StopOnRequest(lambda: asked), TrainerControl()
    listener.step(state(5), control)
    assert not (listener.stopped or control.should_save or control.should_training_stop)
    asked = True
    listener.step(state(6), control)
    assert listener.stopped
    assert control.should_save
    assert control.should_training_stop


def test_a_stop_at_the_last_step_lets_the_training_end_by_itself() -> None:
    listener, control = StopOnRequest(lambda: True), TrainerControl()
    listener.step(state(100), control)
    assert not (listener.stopped or control.should_save or control.should_training_stop)


@pytest.mark.parametrize("name", ["loss", "eval_loss"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_first_loss_that_is_no_number_ends_the_run(name: str, value: float) -> None:
    with pytest.raises(TrainingError) as caught:
        FiniteLoss().log(state(12), {name: value})
    assert f"{name} became {value} at step 12" in caught.value.message
    assert caught.value.hint is not None
    assert "learning_rate" in caught.value.hint
    assert caught.value.exit_code == ExitCode.RUNTIME


@pytest.mark.parametrize("numbers", [{}, {"loss": 0.0}, {"loss": 1e30}, {"grad_norm": math.nan, "loss": 1.0}])
def test_other_numbers_do_not(numbers: dict[str, float]) -> None:
    FiniteLoss().log(state(12), numbers)


def test_a_listener_need_not_hear_everything() -> None:
    control = TrainerControl()
    before = control.state()
    listener = Listener()
    listener.begin(state(0))
    listener.step(state(1), control)
    listener.log(state(1), {"loss": math.nan})
    assert control.state() == before
