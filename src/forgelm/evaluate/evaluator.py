"""What every evaluation looks like: it asks one model at a time, and makes measurements of two models' answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.events import Emit
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.train.tokenised import TokenisedData

Look = Callable[[], None]


@dataclass(frozen=True)
class Subject:
    """A model to look at, and what it is looked at with.

    ``is_base`` tells the model before training from the one that was saved. ``folder`` is the run's own: what an
    evaluation keeps there outlives a stop and a resume.
    """

    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    config: ForgeConfig
    data: TokenisedData = field(repr=False)
    emit: Emit = field(repr=False)
    folder: Path
    is_base: bool = False


@dataclass(frozen=True)
class Evaluator:
    """One kind of evaluation.

    ``check`` runs before a model is loaded and raises what a user must mend. ``ask`` is called for the base model, then
    for the tuned one; what cannot be measured is in its answer, never an exception. ``measure`` gets the tuned model's
    answer and the base model's, in this order, and what to call before each pass of a model of its own: it may raise.
    """

    name: str
    is_wanted: Callable[[ForgeConfig], bool]
    check: Callable[[ForgeConfig], None]
    ask: Callable[[Subject], Any]
    measure: Callable[[ForgeConfig, TokenisedData, Any, Any, Look], tuple[Measurement, ...]]


def check_nothing(config: ForgeConfig) -> None:
    """The check of an evaluation that needs nothing beyond the data."""


def look_at_nothing() -> None:
    """The ``Look`` of callers that nobody stops."""
