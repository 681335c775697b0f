"""Two models' answers into measurements and the contract's file; nothing unmeasured passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from forgelm.config.benchmark import BenchmarkConfig
from forgelm.evaluate.benchmark.answers import Answer, BenchmarkAnswers, TaskAnswers
from forgelm.evaluate.benchmark.measure import measure_benchmarks
from forgelm.evaluate.benchmark.tasks import Benchmark


def worst(items: Sequence[Any]) -> float:
    return float(max(items))


def task(name: str, items: Sequence[float], *, share: bool = True, text: Any = None) -> TaskAnswers:
    rows = tuple(Answer(number, item, "d", "p", "t", text) for number, item in enumerate(items))
    if share:
        return TaskAnswers(name, "acc,none", True, sum(items) / len(items), rows)
    return TaskAnswers(name, "word_perplexity,none", False, worst(items), rows, worst)


def answers(*tasks: TaskAnswers) -> BenchmarkAnswers:
    benchmarks = tuple(Benchmark(one.name, (one.name,)) for one in tasks)
    return BenchmarkAnswers(benchmarks, {one.name: one for one in tasks}, seconds=2.0)


def config(**more: Any) -> BenchmarkConfig:
    return BenchmarkConfig(**{"enabled": True, "tasks": ["a", "b"], **more})


TUNED = answers(task("a", [1.0] * 8 + [0.0] * 2), task("b", [9.0, 8.0, 7.0, 6.0, 5.0], share=False))
BASE = answers(task("a", [1.0] * 5 + [0.0] * 5), task("b", [4.0, 4.0, 3.0, 2.0, 1.0], share=False))


def record(measured: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = measured[0].files["benchmark/benchmark_results.json"]
    return found


def test_the_mean_is_over_shares_and_says_what_it_left_out() -> None:
    whole, a, b = measure_benchmarks(config(), TUNED, BASE)
    assert (whole.name, whole.value, whole.baseline, whole.n) == ("benchmark.average", 0.8, 0.5, 10)
    assert (a.value, b.value, b.baseline, b.unit) == (0.8, 9.0, 4.0, "word_perplexity")
    assert whole.details["skipped"]["not_in_the_mean"] == ["b"]
    assert whole.details["cost"] == {"seconds": 2.0, "base_seconds": 2.0}
    assert whole.details["interval"]["low"] < 0.8 < whole.details["interval"]["high"]
    assert whole.details["change_interval"]["low"] < 0.3 < whole.details["change_interval"]["high"]


def test_the_files_have_the_contracts_keys_and_one_row_a_question() -> None:
    measured = measure_benchmarks(config(limit=10, num_fewshot=2), TUNED, BASE)
    found = record(measured)
    assert found | {} == {**found, "tasks": ["a", "b"], "scores": {"a": 0.8, "b": 9.0}, "average_score": 0.8}
    assert (found["passed"], found["num_fewshot"], found["limit"]) == (True, 2, 10)
    assert found["subtasks"]["a"]["standard_error"] == pytest.approx(0.13333333)
    rows = measured[0].files["benchmark/benchmark_samples.jsonl"]
    assert len(rows) == 15
    assert rows[7] == {
        "task": "a", "number": 7, "score": 1.0, "base_score": 0.0,
        "doc_hash": "d", "prompt_hash": "p", "target_hash": "t",
    }  # fmt: skip


def test_texts_are_kept_only_where_the_answers_have_them() -> None:
    text = {"prompt": "?", "target": "!", "response": ["!"]}
    one = answers(task("a", [1.0], text=text))
    (row,) = measure_benchmarks(config(tasks=["a"]), one, one)[0].files["benchmark/benchmark_samples.jsonl"]
    assert (row["prompt"], row["response"], row["base_response"]) == ("?", ["!"], ["!"])


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        ({}, True),
        ({"min_score": 0.8}, True),
        ({"min_score": 0.81}, False),
        ({"min_scores": {"a": 0.9}}, False),
        ({"max_scores": {"b": 9.0}}, True),
        ({"max_scores": {"b": 8.9}}, False),
        ({"max_drop": 0.0}, True),
    ],
)
def test_the_file_says_whether_the_points_meet_the_limits(limits: dict[str, Any], passed: bool) -> None:
    assert record(measure_benchmarks(config(**limits), TUNED, BASE))["passed"] is passed


def test_a_fault_measures_nothing_and_passes_nothing() -> None:
    broken = replace(TUNED, tasks={}, problem="OSError: no disk")
    measured = measure_benchmarks(config(), broken, BASE)
    assert [item.value for item in measured] == [None, None, None]
    assert measured[0].problem == "a: OSError: no disk; b: OSError: no disk"
    assert record(measured)["passed"] is False
    assert (
        record(measure_benchmarks(config(max_drop=0.5), TUNED, replace(BASE, tasks={}, problem="x")))["passed"] is False
    )


def test_one_benchmark_that_failed_leaves_no_mean_of_the_others() -> None:
    half = replace(TUNED, tasks={"a": TUNED.tasks["a"]})
    whole, a, b = measure_benchmarks(config(), half, None)
    assert (whole.value, a.value, b.value) == (None, 0.8, None)


def test_without_shares_there_is_no_mean_and_nan_is_kept_as_it_is() -> None:
    whole, _ = measure_benchmarks(config(tasks=["b"]), answers(TUNED.tasks["b"]), None)
    assert whole.value is None and whole.problem is not None and "no mean" in whole.problem
    nan = answers(replace(task("a", [1.0] * 6), value=math.nan))
    whole, a = measure_benchmarks(config(tasks=["a"]), nan, None)
    assert a.value is not None and math.isnan(a.value)
    assert record((whole,))["passed"] is False


def test_a_base_model_that_could_not_be_asked_is_said_to_be_missing() -> None:
    whole, *_ = measure_benchmarks(config(), TUNED, replace(BASE, tasks={}, problem="OSError: gone"))
    assert whole.baseline is None and whole.details["skipped"]["base"] == "OSError: gone"
