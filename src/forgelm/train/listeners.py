"""What listens to the training loop: progress reports, a stop request, and a watch for evaluations that
never come and for losses that are not numbers."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from forgelm.base.errors import TrainingError
from forgelm.base.events import Emit, Event
from forgelm.config.training import TrainingConfig
from forgelm.train.arguments import Plan

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_REPORTS = 0.2


class Listener:
    """Hears the loop begin, each optimizer step and each log line; ``state``/``control`` are transformers' own."""

    def begin(self, state: Any) -> None:
        """Before the first step."""

    def step(self, state: Any, control: Any) -> None:
        """After an optimizer step; ``control`` may be changed to save or to stop."""

    def log(self, state: Any, numbers: Mapping[str, float]) -> None:
        """When the loop logs ``numbers``."""


class Progress(Listener):
    """Emits ``Event.PROGRESS`` with step, total, loss, tokens per second and the seconds left."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._began = self._reported = 0.0
        self._tokens_per_second: float | None = None
        self._first_step = 0

    def begin(self, state: Any) -> None:
        self._began = time.monotonic()
        self._first_step = state.global_step

    def step(self, state: Any, control: Any) -> None:
        if time.monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS or state.global_step >= state.max_steps:
            self._report(state, {})

    def log(self, state: Any, numbers: Mapping[str, float]) -> None:
        seconds = time.monotonic() - self._began
        if "num_tokens" in numbers and seconds > 0:
            self._tokens_per_second = numbers["num_tokens"] / seconds
        kept = {key: numbers[key] for key in ("loss", "grad_norm", "learning_rate", "eval_loss") if key in numbers}
        if kept:
            self._report(state, kept)

    def _report(self, state: Any, numbers: dict[str, float]) -> None:
        self._reported = time.monotonic()
        seconds = self._reported - self._began
        done = state.global_step - self._first_step
        self._emit(
            Event.PROGRESS,
            step=state.global_step,
            total=state.max_steps,
            tokens_per_second=self._tokens_per_second,
            eta_seconds=seconds / done * (state.max_steps - state.global_step) if done else None,
            **numbers,
        )


class Evaluations(Listener):
    """Says once, before the first step, that a training ends before the first evaluation that was asked for."""

    def __init__(self, training: TrainingConfig, plan: Plan) -> None:
        asked = training.model_fields_set & {"eval_steps", "early_stopping_patience", "load_best_model_at_end"}
        measured = plan.has_validation and training.trainer_type != "grpo"
        self._steps = training.eval_steps if asked and measured else 0

    def begin(self, state: Any) -> None:
        if self._steps > state.max_steps:
            logger.warning(
                "training.eval_steps (%d) is more than the %d steps of this training: the validation loss is measured "
                "before and after it alone, and neither early stopping nor the best checkpoint has anything to go by",
                self._steps,
                state.max_steps,
            )


class StopOnRequest(Listener):
    """Saves a checkpoint and leaves the loop at the next optimizer step after a stop was asked for."""

    def __init__(self, stop_requested: Callable[[], bool]) -> None:
        self._stop_requested = stop_requested
        self.stopped = False

    def step(self, state: Any, control: Any) -> None:
        if self._stop_requested() and state.global_step < state.max_steps:
            self.stopped = control.should_save = control.should_training_stop = True


class FiniteLoss(Listener):
    """Ends the run at the first loss that is NaN or infinite."""

    def log(self, state: Any, numbers: Mapping[str, float]) -> None:
        for name in ("loss", "eval_loss"):
            value = numbers.get(name)
            if value is not None and not math.isfinite(value):
                raise TrainingError(
                    f"{name} became {value} at step {state.global_step}; training was ended, nothing was promoted",
                    hint="lower training.learning_rate, look for broken rows in the data, or train in bf16 or fp32 "
                    "instead of fp16",
                )
