"""Asks models what a dataset asks, and scores what they say."""

from __future__ import annotations

import time
from typing import Any

from finetune_cli.core.exceptions import EvaluationError, MetricComputationError
from finetune_cli.core.translate import one_line
from finetune_cli.core.types import EvaluationConfig, EvaluationMetric
from finetune_cli.evaluation.metrics import MetricRegistry
from finetune_cli.evaluation.report import BenchmarkReport, EvaluationResult
from finetune_cli.evaluation.samples import Sample, build_samples
from forgelm.base.errors import ForgeError
from forgelm.data.rows import Row
from forgelm.evaluate.loss import measure_loss
from forgelm.model.generate import generate_texts
from forgelm.model.sampling import Sampling
from forgelm.train.tokenise import IGNORED, Example


class BenchmarkRunner:
    """Measures what ``config`` lists. Neither batch size nor padding changes a score."""

    def __init__(self, config: EvaluationConfig, tokenizer: Any) -> None:
        self._config = config
        self._tokenizer = tokenizer

    def evaluate(self, model: Any, dataset: Any, label: str = "model", text_column: str = "text") -> EvaluationResult:
        """Return the scores of ``model`` on the first ``num_samples`` rows.

        ``dataset`` is what ``quick_load`` gives, or rows of prompt and reply, conversations or text.

        Raises:
            EvaluationError: nothing to measure, or a metric cannot be computed.
            DatasetError: the rows cannot be read.
        """
        config = self._config
        if not config.metrics:
            raise EvaluationError("no metric is asked for")
        began = time.monotonic()
        samples = build_samples(dataset, self._tokenizer, limit=config.num_samples, text_column=text_column)
        wanted = [EvaluationMetric(metric) for metric in config.metrics]
        scores: dict[str, float] = {}
        replies = self._replies(model, samples) if set(wanted) - {EvaluationMetric.PERPLEXITY} else []
        for metric in wanted:
            if metric is EvaluationMetric.PERPLEXITY:
                scores[metric.value] = self._perplexity(model, samples)
            else:
                scores[metric.value] = MetricRegistry.get(metric).compute(replies, [sample.text for sample in samples])
        return EvaluationResult(label, scores, len(samples), time.monotonic() - began)

    def run_comparison(
        self, base_model: Any, finetuned_model: Any, dataset: Any, text_column: str = "text"
    ) -> BenchmarkReport:
        """Return the scores of both models on the same rows."""
        return BenchmarkReport(
            self.evaluate(base_model, dataset, "base", text_column),
            self.evaluate(finetuned_model, dataset, "fine-tuned", text_column),
        )

    def _replies(self, model: Any, samples: list[Sample]) -> list[str]:
        config = self._config
        drawn = Sampling(config.generation_temperature, config.generation_top_p, config.seed)
        try:
            return generate_texts(
                model,
                self._tokenizer,
                [sample.prompt for sample in samples],
                max_new_tokens=config.generation_max_length,
                batch_size=config.batch_size,
                sampling=drawn if config.generation_do_sample else None,
            )
        except (RuntimeError, IndexError, ValueError) as error:
            raise EvaluationError(f"the model could not be asked: {one_line(str(error))}") from error

    def _perplexity(self, model: Any, samples: list[Sample]) -> float:
        """Return exp of the mean loss of the references' tokens, each after its prompt."""
        examples = [
            Example(one.prompt + one.reference, [IGNORED] * len(one.prompt) + one.reference, Row({}, "sample", number))
            for number, one in enumerate(samples, start=1)
        ]
        try:
            found = measure_loss(model, examples, pad_token_id=self._tokenizer.pad_token_id)
        except (ForgeError, RuntimeError, IndexError) as error:
            raise MetricComputationError("perplexity", one_line(str(error))) from error
        return float(found.details["perplexity"])
