"""Every evaluation there is, and how a run goes through those that are switched on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.benchmark.evaluator import BENCHMARK
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, look_at_nothing
from forgelm.evaluate.heldout import HELDOUT
from forgelm.evaluate.judge.evaluator import JUDGE
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.memorisation.evaluator import MEMORISATION
from forgelm.evaluate.safety.evaluator import SAFETY
from forgelm.evaluate.text import TEXT
from forgelm.train.tokenised import TokenisedData

EVALUATORS: tuple[Evaluator, ...] = (HELDOUT, TEXT, SAFETY, BENCHMARK, JUDGE, MEMORISATION)


def check_evaluations(config: ForgeConfig) -> None:
    """Look at what the evaluations of ``config`` will need, before anything is loaded.

    Raises:
        ForgeError: one of them could not be made; the message says what to mend.
    """
    for evaluator in _wanted(config):
        evaluator.check(config)


def ask_model(subject: Subject) -> Mapping[str, Any]:
    """Return what each evaluation that is on gets from one model, by the evaluation's name."""
    answers = {}
    for evaluator in _wanted(subject.config):
        subject.emit(Event.STAGE, name=f"asking the {'base' if subject.is_base else 'saved'} model: {evaluator.name}")
        answers[evaluator.name] = evaluator.ask(subject)
    return answers


def measure_answers(
    config: ForgeConfig,
    data: TokenisedData,
    tuned: Mapping[str, Any],
    base: Mapping[str, Any],
    look: Look = look_at_nothing,
) -> tuple[Measurement, ...]:
    """Return the measurements of the tuned model, each beside the base model's. What ``look`` raises ends it."""
    found: list[Measurement] = []
    for evaluator in _wanted(config):
        look()
        found += evaluator.measure(config, data, tuned[evaluator.name], base[evaluator.name], look)
    return tuple(found)


def _wanted(config: ForgeConfig) -> tuple[Evaluator, ...]:
    return tuple(evaluator for evaluator in EVALUATORS if evaluator.is_wanted(config))
