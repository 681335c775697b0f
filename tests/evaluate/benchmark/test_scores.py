"""Answers into scores: groups once, intervals that never claim certainty, changes on the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from forgelm.evaluate.benchmark.answers import Answer, BenchmarkAnswers, TaskAnswers
from forgelm.evaluate.benchmark.scores import average, score_benchmarks, score_task
from forgelm.evaluate.benchmark.tasks import Benchmark


def task(name: str, items: Sequence[Any], metric: str = "acc,none", **more: Any) -> TaskAnswers:
    rows = tuple(Answer(number, item, "", "", "") for number, item in enumerate(items))
    aggregate = more.pop("aggregate", None)
    value = aggregate(items) if aggregate else sum(items) / len(items)
    return TaskAnswers(name, metric, more.pop("better", True), value, rows, aggregate, **more)


def answers(*benchmarks: Benchmark, tasks: Sequence[TaskAnswers]) -> BenchmarkAnswers:
    return BenchmarkAnswers(benchmarks, {one.name: one for one in tasks})


def worst(items: Sequence[Any]) -> float:
    return float(max(items))


def test_all_right_is_not_certain_and_the_change_is_paired() -> None:
    score = score_task(task("t", [1.0] * 20), task("t", [1.0] * 15 + [0.0] * 5))
    assert score.value == 1.0 and score.baseline == 0.75
    assert score.interval is not None and score.interval.low == pytest.approx(0.8316, abs=1e-4)
    assert score.change_interval is not None and 0 < score.change_interval.low < 0.25 < score.change_interval.high


def test_a_group_is_one_benchmark_whose_parts_count_the_same_or_by_size() -> None:
    parts = [task("one", [1.0] * 30), task("two", [0.0] * 10)]
    equal, sized = (
        score_benchmarks(answers(Benchmark("g", ("one", "two"), by_size=by_size), tasks=parts))[0]
        for by_size in (False, True)
    )
    assert equal.value == 0.5 and sized.value == 0.75
    assert equal.questions == sized.questions == 40
    assert equal.interval is not None and 0.3 < equal.interval.low < 0.5 < equal.interval.high < 0.7


def test_numbers_between_and_numbers_of_all_items_have_intervals_too() -> None:
    partly = score_task(task("t", [0.1, 0.5, 0.9, 0.3, 0.7, 0.2]), task("t", [0.0, 0.4, 0.9, 0.3, 0.6, 0.1]))
    assert partly.interval is not None and partly.change_interval is not None
    items = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    whole = score_task(task("t", items, "ppl,none", aggregate=worst, better=False))
    assert whole.interval is not None and whole.interval.high == 6.0 and not whole.is_share


def test_other_questions_than_the_base_model_had_are_not_paired() -> None:
    score = score_task(task("t", [1.0] * 8), task("t", [1.0] * 7))
    assert score.baseline == 1.0 and score.change_interval is None


def test_parts_without_a_common_measure_have_no_mean() -> None:
    parts = [task("one", [1.0]), task("two", [9.0], "word_perplexity,none", aggregate=worst, better=False)]
    (score,) = score_benchmarks(answers(Benchmark("g", ("one", "two")), tasks=parts))
    assert score.value is None and score.problem is not None and "no mean has a sense" in score.problem


def test_what_was_not_asked_has_its_reason() -> None:
    failed = BenchmarkAnswers((Benchmark("a", ("a",)),), problem="OSError: no disk")
    (score,) = score_benchmarks(failed)
    assert (score.value, score.problem) == (None, "OSError: no disk")
    (missing,) = score_benchmarks(answers(Benchmark("g", ("one", "two")), tasks=[task("one", [1.0])]))
    assert missing.value is None


def test_a_mean_needs_numbers() -> None:
    with pytest.raises(ValueError, match="no score"):
        average([], "average")
    with pytest.raises(ValueError, match="without a value"):
        average(score_benchmarks(BenchmarkAnswers((Benchmark("a", ("a",)),), problem="x")), "average")
    nan = average([score_task(task("t", [math.nan] * 6)), score_task(task("u", [1.0] * 6))], "average")
    assert nan.value is not None and math.isnan(nan.value) and nan.interval is None
