"""Answers of one or two models into scores of each benchmark, with an interval around the score and its change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from forgelm.evaluate.benchmark.answers import BenchmarkAnswers, TaskAnswers
from forgelm.evaluate.benchmark.tasks import Benchmark
from forgelm.evaluate.combination import combine_intervals
from forgelm.evaluate.paired import paired_proportion_interval
from forgelm.evaluate.statistics import (
    Interval,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_statistic,
    proportion_interval,
)

# A metric of all items, such as an F1, is worked out anew for each.
_RESAMPLES = 400


@dataclass(frozen=True)
class Score:
    """One benchmark's, or one task's. ``value`` is ``None`` where ``problem`` says why there is no number."""

    name: str
    metric: str
    value: float | None
    questions: int
    is_share: bool
    higher_is_better: bool
    interval: Interval | None = None
    baseline: float | None = None
    change_interval: Interval | None = None
    problem: str | None = None


def score_benchmarks(tuned: BenchmarkAnswers, base: BenchmarkAnswers | None = None) -> tuple[Score, ...]:
    """Return the score of each benchmark in the order they were asked for, a group or tag as one."""
    return tuple(_score_benchmark(benchmark, tuned, base) for benchmark in tuned.benchmarks)


def score_task(tuned: TaskAnswers, base: TaskAnswers | None = None) -> Score:
    """Return the score of one task; the change is that of the questions both models were asked."""
    pairs = base is not None and [a.number for a in tuned.answers] == [a.number for a in base.answers]
    return Score(
        name=tuned.name,
        metric=tuned.metric,
        value=tuned.value,
        questions=len(tuned.answers),
        is_share=tuned.is_share and (base is None or base.is_share),
        higher_is_better=tuned.higher_is_better,
        interval=_interval(tuned),
        baseline=base.value if base is not None else None,
        change_interval=_change(tuned, base) if base is not None and pairs else None,
    )


def average(scores: Sequence[Score], name: str, weights: Sequence[float] | None = None) -> Score:
    """Return the mean of ``scores``, each counting the same unless weighted.

    Raises:
        ValueError: there is none to average, or one of them has no value.
    """
    if not scores:
        raise ValueError("no score to average")
    shares = [1.0 / len(scores)] * len(scores) if weights is None else list(weights)
    values = [_number(score.value) for score in scores]
    metrics = list(dict.fromkeys(score.metric for score in scores))
    result = Score(
        name=name,
        metric=metrics[0] if len(metrics) == 1 else "mean",
        value=math.fsum(share * value for share, value in zip(shares, values, strict=True)),
        questions=sum(score.questions for score in scores),
        is_share=all(score.is_share for score in scores),
        higher_is_better=all(score.higher_is_better for score in scores),
        interval=combine_intervals(values, [score.interval for score in scores], shares),
    )
    if any(score.baseline is None for score in scores):
        return result
    baselines = [_number(score.baseline) for score in scores]
    changes = [value - baseline for value, baseline in zip(values, baselines, strict=True)]
    return replace(
        result,
        baseline=math.fsum(share * value for share, value in zip(shares, baselines, strict=True)),
        change_interval=combine_intervals(changes, [score.change_interval for score in scores], shares),
    )


def _score_benchmark(benchmark: Benchmark, tuned: BenchmarkAnswers, base: BenchmarkAnswers | None) -> Score:
    if tuned.problem is not None or any(part not in tuned.tasks for part in benchmark.parts):
        return _unmeasured(benchmark.name, tuned.problem or "it was not asked")
    before: Mapping[str, TaskAnswers] = {} if base is None else base.tasks
    scores = [score_task(tuned.tasks[part], before.get(part)) for part in benchmark.parts]
    if len(scores) == 1:
        return replace(scores[0], name=benchmark.name)
    metrics = {score.metric for score in scores}
    if len(metrics) > 1 and not all(score.is_share for score in scores):
        return _unmeasured(benchmark.name, f"its tasks are scored by {', '.join(sorted(metrics))}: no mean has a sense")
    if not benchmark.by_size:
        return average(scores, benchmark.name)
    total = sum(score.questions for score in scores)
    return average(scores, benchmark.name, [score.questions / total for score in scores])


def _unmeasured(name: str, problem: str) -> Score:
    return Score(name, "", None, 0, is_share=False, higher_is_better=True, problem=problem)


def _number(value: float | None) -> float:
    if value is None:
        raise ValueError("a score without a value has no mean")
    return value


def _interval(answers: TaskAnswers) -> Interval | None:
    items, aggregate = answers.items, answers.aggregate
    if aggregate is not None:
        return bootstrap_statistic(lambda drawn: aggregate([items[i] for i in drawn]), len(items), resamples=_RESAMPLES)
    if _is_counted(answers.items):
        return proportion_interval(sum(item == 1.0 for item in answers.items), len(answers.items))
    return bootstrap_mean(answers.items)


def _change(tuned: TaskAnswers, base: TaskAnswers) -> Interval | None:
    aggregate, after, before = tuned.aggregate, tuned.items, base.items
    if aggregate is not None:
        return bootstrap_statistic(
            lambda drawn: aggregate([after[i] for i in drawn]) - aggregate([before[i] for i in drawn]),
            len(after),
            resamples=_RESAMPLES,
        )
    if _is_counted(tuned.items) and _is_counted(base.items):
        return paired_proportion_interval([item == 1.0 for item in tuned.items], [item == 1.0 for item in base.items])
    return bootstrap_difference(tuned.items, base.items)


def _is_counted(items: Sequence[object]) -> bool:
    """Whether every answer is right or wrong, nothing between."""
    return all(item in (0.0, 1.0) for item in items)
