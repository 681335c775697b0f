"""The metrics: predictions and references to one number each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from finetune_cli.core.exceptions import MetricComputationError
from finetune_cli.core.types import EvaluationMetric
from forgelm.base.errors import ForgeError
from forgelm.evaluate.perplexity import measure_perplexity
from forgelm.evaluate.text_scores import score_texts, words_of


class Metric:
    """One number about texts. ``lower_is_better`` says which way it goes."""

    name: EvaluationMetric
    lower_is_better = False

    def compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        """Return the metric of each prediction against its reference.

        Raises:
            MetricComputationError: there is nothing to compute it on, or its package is missing.
        """
        try:
            return self._compute(predictions, references)
        except ForgeError as error:
            raise MetricComputationError(self.name, error.message, hint=error.hint) from error

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        raise NotImplementedError


class _TextMetric(Metric):
    score: str

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        return score_texts(self.score, predictions, references).value


class RougeMetric(_TextMetric):
    """ROUGE-1, -2 or -L: the F-measure of rouge-score, words stemmed, 0 to 1.

    Raises:
        ValueError: ``variant`` is no ROUGE.
    """

    def __init__(self, variant: EvaluationMetric | str = EvaluationMetric.ROUGE_L) -> None:
        self.name = _read_metric(variant, _ROUGE)
        self.score = self.name.value


class BleuMetric(_TextMetric):
    """BLEU over all texts by sacrebleu, 0 to 1. Nothing has to be downloaded for it."""

    name, score = EvaluationMetric.BLEU, "bleu"


class ExactMatchMetric(_TextMetric):
    """The share of predictions equal to their references but for the space around them."""

    name, score = EvaluationMetric.EXACT_MATCH, "exact_match"


class F1Metric(_TextMetric):
    """The mean F1 of words, as SQuAD's evaluation counts them."""

    name, score = EvaluationMetric.F1, "token_f1"


class AccuracyMetric(Metric):
    """The share of predictions with the reference's words: case, punctuation and articles do not matter."""

    name = EvaluationMetric.ACCURACY

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        if len(predictions) != len(references) or not references:
            raise MetricComputationError(self.name, f"{len(predictions)} predictions, {len(references)} references")
        same = [words_of(one) == words_of(two) for one, two in zip(predictions, references, strict=True)]
        return sum(same) / len(same)


class PerplexityMetric(Metric):
    """How well ``model`` predicts the references: exp of the mean loss of a token, padding ignored; lower is better."""

    name = EvaluationMetric.PERPLEXITY
    lower_is_better = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        batch_size: int = 4,
        max_length: int | None = None,
        device: Any = None,
    ) -> None:
        self._model = model if device is None else model.to(device)
        self._tokenizer, self._batch_size, self._max_length = tokenizer, batch_size, max_length

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> float:
        found = measure_perplexity(
            self._model, self._tokenizer, references, batch_size=self._batch_size, max_length=self._max_length
        )
        if found.value is None or not math.isfinite(found.value):
            raise MetricComputationError(self.name, found.problem or "the loss is not a finite number")
        return found.value


class MetricRegistry:
    """Every metric by its name."""

    @staticmethod
    def get(metric: EvaluationMetric | str, model: Any = None, tokenizer: Any = None, **options: Any) -> Metric:
        """Return the metric, made with ``options``; ``model`` and ``tokenizer`` are for perplexity alone.

        Raises:
            ValueError: there is no such metric, or perplexity is asked for without a model and its tokenizer.
        """
        wanted = _read_metric(metric, tuple(EvaluationMetric))
        if wanted in _ROUGE:
            return RougeMetric(wanted, **options)
        if wanted is not EvaluationMetric.PERPLEXITY:
            return _PLAIN[wanted](**options)
        if model is None or tokenizer is None:
            raise ValueError("perplexity needs a model and its tokenizer: give model and tokenizer")
        return PerplexityMetric(model, tokenizer, **options)


_ROUGE = (EvaluationMetric.ROUGE_1, EvaluationMetric.ROUGE_2, EvaluationMetric.ROUGE_L)
_PLAIN: Mapping[EvaluationMetric, type[Metric]] = MappingProxyType(
    {kind.name: kind for kind in (BleuMetric, AccuracyMetric, F1Metric, ExactMatchMetric)}
)


def _read_metric(given: EvaluationMetric | str, known: Sequence[EvaluationMetric]) -> EvaluationMetric:
    found = next((metric for metric in known if given in (metric, metric.value)), None)
    if found is None:
        raise ValueError(f"{given} is none of {', '.join(metric.value for metric in known)}")
    return found
