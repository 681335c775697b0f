"""Two models' answers to the benchmarks into measurements: the mean score, and each benchmark's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from forgelm.config.benchmark import BenchmarkConfig
from forgelm.evaluate.benchmark.answers import Answer, BenchmarkAnswers, TaskAnswers
from forgelm.evaluate.benchmark.scores import Score, average, score_benchmarks, score_task
from forgelm.evaluate.measurement import Measurement

AVERAGE = "benchmark.average"
UNIT = "share of 1"
FOLDER = "benchmark"


def measure_benchmarks(
    config: BenchmarkConfig, tuned: BenchmarkAnswers, base: BenchmarkAnswers | None, *, folder: str = FOLDER
) -> tuple[Measurement, ...]:
    """Return the mean of the benchmarks scored from 0 to 1, with the files of ``folder``, and each one by itself.

    Where the base model could not be asked, nothing is compared and the details say why.
    """
    answered = base if base is not None and base.problem is None else None
    scores = score_benchmarks(tuned, answered)
    shares = [score for score in scores if score.value is not None and score.is_share]
    single = [_measure(f"benchmark.{score.name}", score) for score in scores]
    unmeasured = [f"{score.name}: {score.problem}" for score in scores if score.value is None]
    if unmeasured:
        # A mean over what happened to work would be the mean of other benchmarks than were asked for.
        whole = Measurement(AVERAGE, None, 0, UNIT, problem="; ".join(unmeasured))
    elif not shares:
        whole = Measurement(AVERAGE, None, 0, UNIT, problem="no benchmark is scored from 0 to 1, so they have no mean")
    else:
        whole = _measure(AVERAGE, average(shares, "average"))
    files = {
        f"{folder}/benchmark_results.json": render_results(config, whole, scores, tuned),
        f"{folder}/benchmark_samples.jsonl": _samples(tuned, base),
    }
    return (replace(whole, details=_details(whole, scores, tuned, base), files=files), *single)


def _measure(name: str, score: Score) -> Measurement:
    details = {
        "metric": score.metric,
        "higher_is_better": score.higher_is_better,
        "interval": score.interval.as_record() if score.interval else None,
        "change_interval": score.change_interval.as_record() if score.change_interval else None,
    }
    unit = UNIT if score.is_share else score.metric.partition(",")[0]
    return Measurement(name, score.value, score.questions, unit, score.baseline, score.problem, details)


def _details(
    whole: Measurement, scores: Sequence[Score], tuned: BenchmarkAnswers, base: BenchmarkAnswers | None
) -> dict[str, Any]:
    return {
        **whole.details,
        "setting": dict(tuned.setting),
        "cost": {"seconds": round(tuned.seconds, 3), "base_seconds": round(base.seconds, 3) if base else None},
        "skipped": {
            "not_in_the_mean": [score.name for score in scores if score.value is not None and not score.is_share],
            "base": base.problem if base is not None else "compare_with_base is false",
        },
    }


def render_results(
    config: BenchmarkConfig, whole: Measurement, scores: Sequence[Score], tuned: BenchmarkAnswers
) -> dict[str, Any]:
    """Return what ``benchmark_results.json`` holds: the contract's keys, then what makes them mean something.

    ``passed`` is about the points alone; whether the model passes is the gates' verdict.
    """
    measured = {score.name: score.value for score in scores if score.value is not None}
    return {
        "tasks": list(config.tasks),
        "scores": measured,
        "average_score": whole.value,
        "passed": meets_points(config, whole, scores),
        "num_fewshot": config.num_fewshot,
        "limit": config.limit,
        "min_score": config.min_score,
        "failure_reason": whole.problem,
        "average": {**whole.as_record()},
        "benchmarks": {score.name: asdict(score) for score in scores},
        "subtasks": {name: _describe_task(answers) for name, answers in tuned.tasks.items()},
        "setting": dict(tuned.setting),
    }


def meets_points(config: BenchmarkConfig, whole: Measurement, scores: Sequence[Score]) -> bool:
    """Return whether everything was measured and each value meets its limit, intervals aside."""
    if any(score.value is None or not math.isfinite(score.value) for score in scores):
        return False
    values = {score.name: score.value for score in scores if score.value is not None}
    if config.min_score is not None and not (whole.value is not None and whole.value >= config.min_score):
        return False
    if config.max_drop is not None and not _keeps(whole, config.max_drop):
        return False
    above = all(values[name] >= limit for name, limit in config.min_scores.items())
    return above and all(values[name] <= limit for name, limit in config.max_scores.items())


def _keeps(whole: Measurement, max_drop: float) -> bool:
    if whole.value is None or whole.baseline is None:
        return False
    return whole.value >= whole.baseline - max_drop


def _describe_task(answers: TaskAnswers) -> dict[str, Any]:
    score = score_task(answers)
    return {
        "metric": answers.metric,
        "value": answers.value,
        "questions": score.questions,
        "interval": score.interval.as_record() if score.interval else None,
        "standard_error": _standard_error(answers),
        "others": dict(answers.others),
        "version": answers.version,
        "num_fewshot": answers.num_fewshot,
    }


def _standard_error(answers: TaskAnswers) -> float | None:
    """Return the standard deviation of the items over the root of their number, where the value is their mean."""
    n = len(answers.items)
    if answers.aggregate is not None or n < 2:
        return None
    mean = math.fsum(answers.items) / n
    return math.sqrt(math.fsum((item - mean) ** 2 for item in answers.items) / (n - 1) / n)


def _samples(tuned: BenchmarkAnswers, base: BenchmarkAnswers | None) -> list[dict[str, Any]]:
    before: Mapping[str, TaskAnswers] = {} if base is None else base.tasks
    rows = []
    for name, answers in tuned.tasks.items():
        known = {answer.number: answer for answer in before[name].answers} if name in before else {}
        rows += [_sample(name, answer, known.get(answer.number)) for answer in answers.answers]
    return rows


def _sample(task: str, answer: Answer, base: Answer | None) -> dict[str, Any]:
    row = {
        "task": task,
        "number": answer.number,
        "score": answer.item,
        "base_score": base.item if base else None,
        "doc_hash": answer.doc_hash,
        "prompt_hash": answer.prompt_hash,
        "target_hash": answer.target_hash,
    }
    if answer.text is not None:
        row |= {**answer.text, "base_response": base.text["response"] if base and base.text else None}
    return row
