"""Asks a model about the held-out rows as its trainer would judge it, and makes measurements of two answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forgelm.config.training import TrainingConfig
from forgelm.data.rows import RowFormat
from forgelm.evaluate.comparison import compare
from forgelm.evaluate.loss import measure_loss
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.preference import Likelihoods, ask_preferences, measure_preference
from forgelm.evaluate.reward import measure_reward
from forgelm.train.loop import TokenisedData

_COMPARED = (RowFormat.PREFERENCE, RowFormat.UNPAIRED_PREFERENCE)


@dataclass(frozen=True)
class Heldout:
    """What one model makes of the held-out rows: likelihoods where replies are compared, else a measurement."""

    likelihoods: Likelihoods | None = None
    measurement: Measurement | None = None


def ask_heldout(training: TrainingConfig, model: Any, tokenizer: Any, data: TokenisedData) -> Heldout:
    """Return what ``model`` makes of the validation rows; nothing where there are none.

    Raises:
        TrainingError: a reward failed.
    """
    if data.validation is None:
        return Heldout()
    examples, pad = data.validation.examples, tokenizer.pad_token_id
    if data.encoding.format in _COMPARED:
        return Heldout(likelihoods=ask_preferences(model, examples, pad_token_id=pad))
    if data.encoding.format is RowFormat.PROMPT_ONLY:
        longest = training.grpo_max_completion_length
        return Heldout(measurement=measure_reward(model, tokenizer, examples, data.rewards, max_new_tokens=longest))
    return Heldout(measurement=measure_loss(model, examples, pad_token_id=pad))


def measure_heldout(
    training: TrainingConfig, data: TokenisedData, tuned: Heldout, base: Heldout
) -> tuple[Measurement, ...]:
    """Return the tuned model's measurement with the base model's as baseline; none without validation rows."""
    if tuned.likelihoods is not None and base.likelihoods is not None and data.validation is not None:
        return (measure_preference(training, data.validation.examples, tuned.likelihoods, base.likelihoods),)
    if tuned.measurement is None or base.measurement is None:
        return ()
    return (compare(tuned.measurement, base.measurement),)
