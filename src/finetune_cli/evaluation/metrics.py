"""The metrics: predictions and references to one number each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from finetune_cli.core.exceptions import MetricComputationError
from finetune_cli.core.types import EvaluationMetric
from forgelm.base.errors import ForgeError
from forgelm.evaluate.perplexity import measure_perplexity
from forgelm.evaluate.text_scores import score_texts, words_of


class Metric:
    """One number about texts. ``lower_is_better`` says which way it goes."""

    metric: EvaluationMetric
    lower_is_better = False

    def compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        """Return the metric of each prediction against its reference.

        Raises:
            MetricComputationError: there is nothing to compute it on, or its package is missing.
        """
        try:
            return self._compute(predictions, references)
        except ForgeError as error:
            raise MetricComputationError(self.metric, error.message, hint=error.hint) from error

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        raise NotImplementedError


class _TextMetric(Metric):
    score: str

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        return score_texts(self.score, predictions, references).value


class RougeMetric(_TextMetric):
    """ROUGE-1, -2 or -L: the F-measure of rouge-score, words stemmed, 0 to 1."""

    def __init__(self, metric: EvaluationMetric | str = EvaluationMetric.ROUGE_L) -> None:
        self.metric = EvaluationMetric(metric)
        self.score = self.metric.value


class BleuMetric(_TextMetric):
    """BLEU over all texts by sacrebleu, 0 to 1. Nothing has to be downloaded for it."""

    metric, score = EvaluationMetric.BLEU, "bleu"


class ExactMatchMetric(_TextMetric):
    """The share of predictions equal to their references but for the space around them."""

    metric, score = EvaluationMetric.EXACT_MATCH, "exact_match"


class F1Metric(_TextMetric):
    """The mean F1 of words, as SQuAD's evaluation counts them."""

    metric, score = EvaluationMetric.F1, "token_f1"


class AccuracyMetric(Metric):
    """The share of predictions with the reference's words: case, punctuation and articles do not matter."""

    metric = EvaluationMetric.ACCURACY

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        if len(predictions) != len(references) or not references:
            raise MetricComputationError(self.metric, f"{len(predictions)} predictions, {len(references)} references")
        same = [words_of(one) == words_of(two) for one, two in zip(predictions, references, strict=True)]
        return sum(same) / len(same)


class PerplexityMetric(Metric):
    """How well ``model`` predicts the references: exp of the mean loss of a token, padding ignored; lower is better."""

    metric = EvaluationMetric.PERPLEXITY
    lower_is_better = True

    def __init__(self, model: Any, tokenizer: Any, *, batch_size: int = 8, max_length: int | None = None) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._batch_size, self._max_length = batch_size, max_length

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        found = measure_perplexity(
            self._model, self._tokenizer, references, batch_size=self._batch_size, max_length=self._max_length
        )
        if found.value is None or not math.isfinite(found.value):
            raise MetricComputationError(self.metric, found.problem or "the loss is not a finite number")
        return found.value


def build_metric(metric: EvaluationMetric | str) -> Metric:
    """Return the metric that needs texts only."""
    chosen = EvaluationMetric(metric)
    simple: dict[EvaluationMetric, type[Metric]] = {
        EvaluationMetric.BLEU: BleuMetric,
        EvaluationMetric.ACCURACY: AccuracyMetric,
        EvaluationMetric.F1: F1Metric,
        EvaluationMetric.EXACT_MATCH: ExactMatchMetric,
    }
    if chosen is EvaluationMetric.PERPLEXITY:
        raise MetricComputationError(chosen, "needs a model and its tokenizer")
    return simple[chosen]() if chosen in simple else RougeMetric(chosen)
