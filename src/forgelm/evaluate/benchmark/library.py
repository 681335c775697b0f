"""Benchmarks for callers with a model in memory: ``run_benchmark``, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from forgelm.base.errors import ArgumentError
from forgelm.base.files import canonical_json, render_json, to_json_safe, write_bytes
from forgelm.config.benchmark import BenchmarkConfig
from forgelm.evaluate.benchmark.answers import BenchmarkAnswers
from forgelm.evaluate.benchmark.harness import Asking, ask_tasks, kept_randomness
from forgelm.evaluate.benchmark.measure import measure_benchmarks
from forgelm.evaluate.benchmark.tasks import check_code, load_tasks
from forgelm.evaluate.measurement import Measurement


@dataclass(frozen=True)
class BenchmarkResult:
    """Scores by benchmark and their mean, 0 to 1. ``average_score`` is 0.0 where there is no mean; ``passed`` is false.

    ``failure_reason`` is the sentence to show where it did not pass. ``raw_results`` holds intervals, every task's
    other metrics, the settings, and the harness's own results under ``harness``.
    """

    scores: dict[str, float]
    average_score: float
    passed: bool
    failure_reason: str | None = None
    raw_results: dict[str, Any] = field(default_factory=dict, repr=False)


def run_benchmark(  # noqa: PLR0913, PLR0917 (the contract's signature)
    model: Any,
    tokenizer: Any,
    tasks: list[str],
    num_fewshot: int | None = None,
    batch_size: str = "auto",
    limit: int | None = None,
    output_dir: str | None = None,
    min_score: float | None = None,
    *,
    include_path: list[str] | None = None,
    apply_chat_template: bool | None = None,
) -> BenchmarkResult:
    """Let ``model`` take the benchmarks called ``tasks``; write the results to ``output_dir`` where there is one.

    ``limit`` questions of each task are put; ``min_score`` (0 to 1) is asked of the mean. Questions are chat turns
    where the tokenizer has a chat template, unless ``apply_chat_template`` says otherwise. What stops the asking
    half-way is the result's ``failure_reason``.

    Raises:
        ArgumentError: an argument cannot be used.
        ConfigError: a task is unknown, or its data cannot be had.
        OptionalDependencyError: the extra ``eval`` is not installed.
    """
    config = _read_arguments(
        tasks=tasks,
        num_fewshot=num_fewshot,
        batch_size=batch_size,
        limit=limit,
        min_score=min_score,
        include_path=include_path or [],
        apply_chat_template=apply_chat_template,
    )
    answers = ask_benchmarks(config, model, tokenizer)
    whole, *single = measure_benchmarks(config, answers, None)
    if output_dir is not None:
        _write(Path(output_dir), whole)
    return build_result(whole, single, answers)


def ask_benchmarks(config: BenchmarkConfig, model: Any, tokenizer: Any, *, offline: bool = False) -> BenchmarkAnswers:
    """Return what a model answers to the benchmarks that ``config`` names.

    Raises:
        ConfigError: a task is unknown, or its data cannot be had.
    """
    with kept_randomness():
        loaded = load_tasks(config.tasks, config.include_path, offline=offline)
    check_code(loaded, allowed=config.allow_unsafe_code)
    return ask_tasks(model, tokenizer, loaded, choose_asking(config, tokenizer))


def choose_asking(config: BenchmarkConfig, tokenizer: Any) -> Asking:
    """Return how the questions are put: as chat turns where the model has a template, unless told otherwise."""
    chat = config.apply_chat_template
    return Asking(
        num_fewshot=config.num_fewshot,
        limit=config.limit,
        batch_size=config.batch_size,
        apply_chat_template=bool(getattr(tokenizer, "chat_template", None)) if chat is None else chat,
        system_instruction=config.system_instruction,
        metrics=config.metrics,
        keep_text=config.include_eval_samples,
        allow_unsafe_code=config.allow_unsafe_code,
    )


def build_result(whole: Measurement, single: list[Measurement], answers: BenchmarkAnswers) -> BenchmarkResult:
    """Return the library's result of measurements."""
    record: Mapping[str, Any] = next(value for path, value in whole.files.items() if path.endswith(".json"))
    reason = whole.problem
    if reason is None and not record["passed"]:
        reason = f"the mean score {whole.value:.4f} is below min_score {record['min_score']:.4f}"
    return BenchmarkResult(
        scores={item.name.partition(".")[2]: item.value for item in single if item.value is not None},
        average_score=whole.value if whole.value is not None else 0.0,
        passed=bool(record["passed"]) and whole.problem is None,
        failure_reason=reason,
        raw_results={**record, "harness": to_json_safe(dict(answers.raw.get("results", {})))},
    )


def _read_arguments(**arguments: Any) -> BenchmarkConfig:
    try:
        return BenchmarkConfig(enabled=True, compare_with_base=False, **arguments)
    except ValidationError as error:
        found = error.errors()
        said = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'tasks'}: {item['msg']}" for item in found)
        raise ArgumentError(f"run_benchmark: {said}") from error


def _write(folder: Path, whole: Measurement) -> None:
    for path, value in whole.files.items():
        rows = path.endswith(".jsonl")
        content = to_json_safe(value)
        data = b"".join(canonical_json(row) + b"\n" for row in content) if rows else render_json(content)
        write_bytes(folder / Path(path).name, data)
