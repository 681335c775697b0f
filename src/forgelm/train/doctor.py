"""Watches the numbers a training reports, and says what a sign of trouble means and what to change."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import TrainingError
from forgelm.base.events import Emit, Event
from forgelm.config.training import Trouble
from forgelm.train.listeners import Listener

# Reports in a row that show a sign before it counts: one may be chance.
_IN_A_ROW = 3
_FAR_FROM_THE_START = 10.0
_SLOWDOWN = 4.0
_STEPS_TO_KNOW_THE_PACE = 10


@dataclass(frozen=True)
class Advice:
    """What a sign usually comes from, and what to write in the YAML instead."""

    cause: str
    change: str


ADVICE: MappingProxyType[Trouble, Advice] = MappingProxyType(
    {
        "zero_gradient": Advice(
            "nothing learns: no target is in the batches, every weight is frozen, or the loss is flat",
            "look at `forgelm preview`; check lora.target_modules and, with grpo, that rewards differ",
        ),
        "gradient_not_finite": Advice(
            "the gradient overflowed",
            "lower training.learning_rate, set training.max_grad_norm: 1.0, or train in bf16 instead of fp16",
        ),
        "impossible_loss": Advice(
            "a loss below 0 cannot come from likelihoods: a broken loss, or numbers that overflow",
            "train in bf16 or float32 instead of fp16, or choose another training.loss_type",
        ),
        "no_reward_signal": Advice(
            "all replies to a prompt get the same reward, so none is better than another",
            "choose other training.grpo_rewards, raise grpo_temperature or grpo_num_generations, or use easier prompts",
        ),
        "far_from_start": Advice(
            "the model has left the one it began with, and usually its language as well",
            "raise training.grpo_beta, or lower training.learning_rate",
        ),
        "slowdown": Advice(
            "steps take several times as long as before: memory is swapped, or something else uses the machine",
            "lower training.per_device_train_batch_size, or look at what else runs",
        ),
    }
)


class Doctor(Listener):
    """Emits ``Event.TRAINING_TROUBLE`` once for each kind of trouble; ends the training at those in ``stop_on``."""

    def __init__(
        self,
        emit: Emit,
        trainer: str,
        stop_on: Sequence[Trouble] = (),
        clock: Callable[[], float] = time.monotonic,
        *,
        gradients: bool = True,
    ) -> None:
        self._gradients = gradients
        self._emit = emit
        self._has_negative_losses = trainer == "grpo"
        self._stop_on = frozenset(stop_on)
        self._clock = clock
        self._seen: dict[Trouble, int] = {}
        self._reported: set[Trouble] = set()
        self._last: float | None = None
        self._paces: list[float] = []

    def log(self, state: Any, numbers: Mapping[str, float]) -> None:
        if "loss" not in numbers:
            return
        step = int(state.global_step)
        gradient, loss = numbers.get("grad_norm") if self._gradients else None, numbers["loss"]
        self._note(
            "gradient_not_finite", step, gradient, gradient is not None and not math.isfinite(gradient), needed=1
        )
        self._note("zero_gradient", step, gradient, gradient == 0.0)
        self._note("impossible_loss", step, loss, loss < 0.0 and not self._has_negative_losses)
        same = numbers.get("frac_reward_zero_std")
        self._note("no_reward_signal", step, same, same is not None and same >= 1.0)
        distance = numbers.get("kl")
        self._note("far_from_start", step, distance, distance is not None and distance > _FAR_FROM_THE_START)

    def step(self, state: Any, control: Any) -> None:
        now = self._clock()
        if self._last is not None:
            self._watch_pace(int(state.global_step), now - self._last)
        self._last = now

    def _watch_pace(self, step: int, seconds: float) -> None:
        # Compared with the first steps after the very first, which also warms everything up.
        if len(self._paces) < _STEPS_TO_KNOW_THE_PACE:
            self._paces.append(seconds)
            return
        usual = statistics.median(self._paces)
        self._note("slowdown", step, seconds / usual if usual else None, seconds > _SLOWDOWN * usual)

    def _note(self, kind: Trouble, step: int, value: float | None, found: bool, *, needed: int = _IN_A_ROW) -> None:
        self._seen[kind] = self._seen.get(kind, 0) + 1 if found else 0
        if self._seen[kind] < needed or kind in self._reported:
            return
        self._reported.add(kind)
        advice = ADVICE[kind]
        self._emit(Event.TRAINING_TROUBLE, kind=kind, step=step, value=value, cause=advice.cause, change=advice.change)
        if kind in self._stop_on:
            raise TrainingError(
                f"ended at step {step}, as training.stop_on asks: {kind} ({advice.cause})", hint=advice.change
            )
