"""Loads what was saved and compares it with what was trained, so that a broken artefact never leaves staging."""

from __future__ import annotations

import math
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.evaluate.measurement import Measurement
from forgelm.model.precision import Precision
from forgelm.train.loop import Outcome
from forgelm.train.probe import probe_logits

# Relative error of the saved model's logits: rounding in the numbers the trained model computes in.
_EXACT, _HALF, _QUANTISED_MERGE = 1e-3, 5e-2, 0.5


def measure_saved_model(
    saved: Any, tokenizer: Any, outcome: Outcome, precision: Precision, *, merged: bool = False
) -> Measurement:
    """Return the relative difference between the saved and the trained model's logits (0 is identical).

    The details hold ``limit`` for that difference, ``change`` (how far the saved model moved from its base, which must
    be above 0 or training had no effect) and ``problems``, empty when everything agrees.
    """
    logits = probe_logits(saved, outcome.probe)
    difference = _relative_difference(logits, outcome.trained_logits)
    change = _relative_difference(logits, outcome.base_logits)
    limit = _choose_limit(precision, merged=merged)
    problems = []
    if not math.isfinite(difference):
        problems.append("the saved model's logits are not finite numbers")
    elif difference > limit:
        problems.append(
            f"the saved model's logits differ from the trained one's by {difference:.2e} (limit {limit:.0e})"
        )
    if change == 0.0:
        problems.append(
            "the saved model answers exactly like its base: training was not saved, or had no effect (a run that ends "
            "within its warm-up has learning rates near 0)"
        )
    problems += _vocabulary_problems(saved, tokenizer)
    return Measurement(
        "self_check",
        difference,
        sum(len(row.input_ids) for row in outcome.probe),
        "relative difference of logits",
        details={"limit": limit, "change": change, "problems": problems},
    )


def _choose_limit(precision: Precision, *, merged: bool) -> float:
    if precision.four_bit:
        return _QUANTISED_MERGE if merged else _HALF
    return _EXACT if precision.load_dtype == "float32" and precision.autocast is None else _HALF


def _relative_difference(left: list[Any], right: list[Any]) -> float:
    torch = load_extra("torch", extra="train")
    if any(one.shape != other.shape for one, other in zip(left, right, strict=True)):
        return math.inf
    apart = sum(float(torch.sum((one - other) ** 2)) for one, other in zip(left, right, strict=True))
    size = sum(float(torch.sum(other**2)) for other in right)
    return math.sqrt(apart / size) if size else math.inf


def _vocabulary_problems(saved: Any, tokenizer: Any) -> list[str]:
    rows = saved.get_input_embeddings().weight.shape[0]
    heads = saved.get_output_embeddings().weight.shape[0]
    highest = max(tokenizer.get_vocab().values()) + 1
    problems = []
    if highest > rows:
        problems.append(f"the tokenizer has ids up to {highest - 1}, the saved embedding {rows} rows")
    if heads != rows:
        problems.append(f"the saved embedding has {rows} rows, the output layer {heads}")
    return problems
