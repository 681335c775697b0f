"""Asks a model about the held-out rows as its trainer would judge it, and makes measurements of two answers."""

from __future__ import annotations

from dataclasses import dataclass

from forgelm.config.root import ForgeConfig
from forgelm.data.rows import RowFormat
from forgelm.evaluate.comparison import compare
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, check_nothing, look_at_nothing
from forgelm.evaluate.loss import measure_loss
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.preference import Likelihoods, ask_preferences, measure_preference
from forgelm.evaluate.reward import measure_reward
from forgelm.train.tokenised import TokenisedData

_COMPARED = (RowFormat.PREFERENCE, RowFormat.UNPAIRED_PREFERENCE)


@dataclass(frozen=True)
class Heldout:
    """What one model makes of the held-out rows: likelihoods where replies are compared, else a measurement."""

    likelihoods: Likelihoods | None = None
    measurement: Measurement | None = None


def ask_heldout(subject: Subject) -> Heldout:
    """Return what the model makes of the validation rows; nothing where there are none.

    Raises:
        TrainingError: a reward failed.
    """
    training, model, data = subject.config.training, subject.model, subject.data
    if data.validation is None:
        return Heldout()
    examples, pad = data.validation.examples, subject.tokenizer.pad_token_id
    if data.encoding.format in _COMPARED:
        return Heldout(likelihoods=ask_preferences(model, examples, pad_token_id=pad))
    if data.encoding.format is RowFormat.PROMPT_ONLY:
        longest = training.grpo_max_completion_length
        found = measure_reward(model, subject.tokenizer, examples, data.rewards, max_new_tokens=longest)
        return Heldout(measurement=found)
    return Heldout(measurement=measure_loss(model, examples, pad_token_id=pad))


def measure_heldout(
    config: ForgeConfig, data: TokenisedData, tuned: Heldout, base: Heldout, look: Look = look_at_nothing
) -> tuple[Measurement, ...]:
    """Return the tuned model's measurement with the base model's as baseline; none without validation rows."""
    if tuned.likelihoods is not None and base.likelihoods is not None and data.validation is not None:
        return (measure_preference(config.training, data.validation.examples, tuned.likelihoods, base.likelihoods),)
    if tuned.measurement is None or base.measurement is None:
        return ()
    sources = [example.row.source for example in data.validation.examples] if data.validation else []
    return (compare(tuned.measurement, base.measurement, sources),)


HELDOUT = Evaluator("held-out rows", lambda config: True, check_nothing, ask_heldout, measure_heldout)
