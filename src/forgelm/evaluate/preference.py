"""Measures on held-out comparisons or verdicts whether a model came to prefer the good replies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.config.training import TrainingConfig
from forgelm.evaluate.comparison import compare
from forgelm.evaluate.measurement import Measurement
from forgelm.train.logps import Likelihood, measure_likelihoods
from forgelm.train.tokenise import Example


@dataclass(frozen=True)
class Likelihoods:
    """What one model finds of the held-out replies; ``rejected`` is empty where each row holds one reply."""

    replies: tuple[Likelihood, ...]
    rejected: tuple[Likelihood, ...] = ()


def ask_preferences(model: Any, examples: Sequence[Example], *, pad_token_id: int) -> Likelihoods:
    """Return how likely ``model`` finds each reply, both of a comparison."""
    replies = measure_likelihoods(model, examples, pad_token_id=pad_token_id)
    others = [example.rejected for example in examples if example.rejected is not None]
    rejected = measure_likelihoods(model, others, pad_token_id=pad_token_id)
    return Likelihoods(tuple(replies), tuple(rejected))


def measure_preference(
    training: TrainingConfig, examples: Sequence[Example], tuned: Likelihoods, base: Likelihoods
) -> Measurement:
    """Return the preference loss of the tuned model, the base model's as its baseline.

    It is the mean of -log sigmoid(d), where d is by how much the good reply's reward beats the bad one's. The reward is
    the one the trainer raises: for dpo and kto beta · log(p / p_base) of the whole reply, whose base model is at log 2;
    for simpo beta times the mean log p of a token, with gamma taken off d; for orpo the log odds of the mean
    probability of a token. In kto a single reply is judged by itself: d is its reward, turned round where it is bad;
    the loss is kto's own, 1 - sigmoid(d), whose base model is at 0.5. In orpo the loss is weighed by beta and added to
    the chosen replies' own, as in training.

    The details hold ``accuracy`` (share of rows with d above 0, half of those at 0) and ``margin`` (mean log p of good
    less bad replies, in nats), each with the base model's.
    """
    ours, theirs = _distances(training, examples, tuned, base), _distances(training, examples, base, base)
    details = {
        "rows": len(examples),
        "accuracy": _accuracy(ours),
        "baseline_accuracy": _accuracy(theirs),
        "margin": _margin(examples, tuned),
        "baseline_margin": _margin(examples, base),
    }
    unit = "share" if training.trainer_type == "kto" else "nats per row"

    def measured(losses: Sequence[float]) -> Measurement:
        value = sum(losses) / len(losses)
        return Measurement("eval_loss", value, len(losses), unit, details=details, scores=tuple(losses))

    return compare(measured(_losses(training, ours, tuned)), measured(_losses(training, theirs, base)))


def _distances(
    training: TrainingConfig, examples: Sequence[Example], model: Likelihoods, base: Likelihoods
) -> list[float]:
    def rewards(replies: Sequence[Likelihood], before: Sequence[Likelihood]) -> list[float]:
        return [_reward(training, reply, old) for reply, old in zip(replies, before, strict=True)]

    good = rewards(model.replies, base.replies)
    if not model.rejected:
        return [value if example.row.value["label"] else -value for example, value in zip(examples, good, strict=True)]
    bad = rewards(model.rejected, base.rejected)
    gamma = training.simpo_gamma if training.trainer_type == "simpo" else 0.0
    return [better - worse - gamma for better, worse in zip(good, bad, strict=True)]


def _reward(training: TrainingConfig, reply: Likelihood, before: Likelihood) -> float:
    if training.trainer_type == "simpo":
        return training.simpo_beta * reply.mean
    if training.trainer_type == "orpo":
        # log(p / (1 - p)) of the geometric mean p; a certain reply would divide by zero.
        return reply.mean - math.log(max(-math.expm1(reply.mean), 1e-12))
    beta = training.kto_beta if training.trainer_type == "kto" else training.dpo_beta
    return beta * (reply.logp - before.logp)


def _accuracy(distances: Sequence[float]) -> float:
    return sum((distance > 0) + (distance == 0) / 2 for distance in distances) / len(distances)


def _losses(training: TrainingConfig, distances: Sequence[float], model: Likelihoods) -> list[float]:
    if training.trainer_type == "kto":
        return [(1 - math.tanh(distance / 2)) / 2 for distance in distances]
    if training.trainer_type == "orpo":
        weighed = [training.orpo_beta * _logistic_loss(distance) for distance in distances]
        return [loss - reply.mean for loss, reply in zip(weighed, model.replies, strict=True)]
    return [_logistic_loss(distance) for distance in distances]


def _logistic_loss(distance: float) -> float:
    # log(1 + e^-d), written so that no exponent overflows.
    return max(-distance, 0.0) + math.log1p(math.exp(-abs(distance)))


def _margin(examples: Sequence[Example], model: Likelihoods) -> float | None:
    if model.rejected:
        apart = [good.logp - bad.logp for good, bad in zip(model.replies, model.rejected, strict=True)]
        return sum(apart) / len(apart)
    labels = [bool(example.row.value["label"]) for example in examples]
    if all(labels) or not any(labels):
        return None
    means = {
        label: [reply.logp for reply, found in zip(model.replies, labels, strict=True) if found is label]
        for label in (True, False)
    }
    return sum(means[True]) / len(means[True]) - sum(means[False]) / len(means[False])
