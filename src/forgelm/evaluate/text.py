"""Measures how near a model's replies to held-out prompts come to the replies the data has."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra
from forgelm.config.root import ForgeConfig
from forgelm.config.text_metrics import TextMetricsConfig
from forgelm.evaluate.comparison import slice_by
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, look_at_nothing
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.references import Questions, build_questions
from forgelm.evaluate.statistics import Interval, bootstrap_statistic, proportion_interval
from forgelm.evaluate.text_scores import TextScore, score_texts
from forgelm.model.generate import generate_texts
from forgelm.train.tokenised import TokenisedData

_NEEDS = {"rouge": "rouge_score", "bleu": "sacrebleu", "chrf": "sacrebleu"}


@dataclass(frozen=True)
class Replies:
    """What one model replied, and how long that took."""

    questions: Questions
    texts: tuple[str, ...]
    seconds: float


def check_text(config: ForgeConfig) -> None:
    """Look whether the packages that the metrics need are there.

    Raises:
        OptionalDependencyError: one is missing.
    """
    for metric in wanted_text(config).metrics:
        for begin, package in _NEEDS.items():
            if metric.startswith(begin):
                load_extra(package, extra="eval")


def ask_text(subject: Subject) -> Replies:
    """Return the model's greedy reply to each question of the validation rows.

    Raises:
        DataError: no validation row has a prompt and a reply; known before training.
    """
    wanted, data = wanted_text(subject.config), subject.data
    questions = Questions((), {"there are no validation rows": 1})
    if data.validation is not None:
        questions = build_questions(
            data.validation.examples,
            data.encoding.format,
            most=wanted.max_samples,
            seed=subject.config.training.seed,
        )
    if not questions.asked:
        raise _nothing_to_ask(questions)
    began = time.monotonic()
    texts = generate_texts(
        subject.model,
        subject.tokenizer,
        [question.prompt_ids for question in questions.asked],
        max_new_tokens=wanted.max_new_tokens,
        batch_size=wanted.batch_size,
    )
    return Replies(questions, tuple(texts), time.monotonic() - began)


def measure_text(
    config: ForgeConfig, data: TokenisedData, tuned: Replies, base: Replies, look: Look = look_at_nothing
) -> tuple[Measurement, ...]:
    """Return one measurement for each metric, named ``text.<metric>``, the base model's score as its baseline."""
    wanted = wanted_text(config)
    references = [question.reference for question in tuned.questions.asked]
    pairs = [
        (score_texts(metric, tuned.texts, references), score_texts(metric, base.texts, references))
        for metric in wanted.metrics
    ]
    shared = {
        "skipped": dict(tuned.questions.skipped),
        "empty_replies": sum(not text.strip() for text in tuned.texts),
        "baseline_empty_replies": sum(not text.strip() for text in base.texts),
        "cost": {"seconds": tuned.seconds, "baseline_seconds": base.seconds},
    }
    sources = [question.source for question in tuned.questions.asked]
    found = [_measure(ours, theirs, shared, sources) for ours, theirs in pairs]
    found[0] = replace(found[0], files={"text/text_results.jsonl": _rows(wanted, tuned, base, pairs)})
    return tuple(found)


def wanted_text(config: ForgeConfig) -> TextMetricsConfig:
    """Return the section, or its defaults where it is not there."""
    section = config.evaluation.text if config.evaluation else None
    return section or TextMetricsConfig.model_validate({})


def _measure(ours: TextScore, theirs: TextScore, shared: dict[str, Any], sources: Sequence[str]) -> Measurement:
    count = len(ours.samples)
    change = bootstrap_statistic(lambda chosen: ours.resample(chosen) - theirs.resample(chosen), count)
    interval = _interval(ours, count)
    details = {
        **shared,
        "interval": interval.as_record() if interval else None,
        "change_interval": change.as_record() if change else None,
        "signature": ours.signature,
        "slices": slice_by(sources, ours.resample, theirs.resample),
    }
    return Measurement(
        f"text.{ours.name}", ours.value, count, "score", theirs.value, details=details, scores=ours.samples
    )


def _interval(score: TextScore, count: int) -> Interval | None:
    if set(score.samples) <= {0.0, 1.0} and score.is_mean:
        return proportion_interval(round(sum(score.samples)), count)
    return bootstrap_statistic(score.resample, count)


def _rows(
    wanted: TextMetricsConfig, tuned: Replies, base: Replies, pairs: Sequence[tuple[TextScore, TextScore]]
) -> list[dict[str, Any]]:
    rows = []
    for index, question in enumerate(tuned.questions.asked):
        row: dict[str, Any] = {
            "row": question.where,
            "scores": {ours.name: ours.samples[index] for ours, _ in pairs},
            "baseline_scores": {theirs.name: theirs.samples[index] for _, theirs in pairs},
        }
        if wanted.include_eval_samples:
            row |= {"reference": question.reference, "reply": tuned.texts[index], "baseline_reply": base.texts[index]}
        rows.append(row)
    return rows


def _nothing_to_ask(questions: Questions) -> DataError:
    why = "; ".join(f"{count} rows: {reason}" for reason, count in questions.skipped.items())
    return DataError(
        f"evaluation.text has nothing to compare replies with ({why})",
        hint="give validation rows with a prompt and a reply and leave the prompt out of the loss, "
        "or switch evaluation.text off",
    )


def _is_wanted(config: ForgeConfig) -> bool:
    return wanted_text(config).enabled


TEXT = Evaluator("text metrics", _is_wanted, check_text, ask_text, measure_text)
