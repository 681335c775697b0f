"""The benchmarks of a run: checked before the model is loaded, then put to the base model and to the tuned one."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, ForgeError
from forgelm.base.extras import load_extra
from forgelm.config.benchmark import BenchmarkConfig
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.benchmark.answers import BenchmarkAnswers, choose_metric
from forgelm.evaluate.benchmark.library import ask_benchmarks
from forgelm.evaluate.benchmark.measure import FOLDER, measure_benchmarks
from forgelm.evaluate.benchmark.tasks import EXTRA, Benchmark, Tasks, check_code, load_tasks
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, look_at_nothing
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.statistics import proportion_interval
from forgelm.train.tokenised import TokenisedData

_log = logging.getLogger(__name__)


def is_wanted(config: ForgeConfig) -> bool:
    """Whether benchmarks are switched on."""
    return _section(config) is not None


def check(config: ForgeConfig) -> None:
    """Read every task and its data, so that a wrong name or a missing set is known before anything is trained.

    Raises:
        OptionalDependencyError: the extra ``eval`` is not installed.
        ConfigError: a task is unknown, its data cannot be had, or a limit is turned the wrong way.
    """
    section = _wanted(config)
    results_folder(config)
    load_extra("lm_eval", extra=EXTRA)
    tasks = load_tasks(section.tasks, section.include_path, offline=config.model.offline)
    check_code(tasks, allowed=section.allow_unsafe_code)
    _check_directions(section, tasks)
    for benchmark in tasks.benchmarks:
        asked = sum(_questions(tasks.single[part], section.limit) for part in benchmark.parts)
        _warn_if_out_of_reach(benchmark.name, asked, section)


def ask(subject: Subject) -> BenchmarkAnswers | None:
    """Return what one model answers; nothing from the base model where it is not to be compared with."""
    section = _wanted(subject.config)
    if subject.is_base and not section.compare_with_base:
        return None
    try:
        return ask_benchmarks(section, subject.model, subject.tokenizer, offline=subject.config.model.offline)
    except ForgeError as error:
        unasked = tuple(Benchmark(name, (name,)) for name in section.tasks)
        return BenchmarkAnswers(unasked, problem=error.message)


def measure(
    config: ForgeConfig,
    data: TokenisedData,
    tuned: BenchmarkAnswers,
    base: BenchmarkAnswers | None,
    look: Look = look_at_nothing,
) -> tuple[Measurement, ...]:
    """Return the mean score and every benchmark's, the base model's beside them."""
    return measure_benchmarks(_wanted(config), tuned, base, folder=results_folder(config))


def results_folder(config: ForgeConfig) -> str:
    """Return where the results go, seen from the run folder.

    Raises:
        ConfigError: that is outside it, where no evidence could list them.
    """
    wanted, root = _wanted(config).output_dir, Path(config.training.output_dir).absolute()
    if wanted is None:
        return FOLDER
    place = Path(os.path.abspath(wanted))
    if not place.is_relative_to(root) or place == root:
        raise ConfigError(
            f"evaluation.benchmark.output_dir {place} is not a folder inside training.output_dir {root}",
            hint="leave it out: the results then go to its folder benchmark",
        )
    return place.relative_to(root).as_posix()


def _section(config: ForgeConfig) -> BenchmarkConfig | None:
    section = config.evaluation.benchmark if config.evaluation else None
    return section if section is not None and section.enabled else None


def _wanted(config: ForgeConfig) -> BenchmarkConfig:
    section = _section(config)
    if section is None:
        raise ConfigError("evaluation.benchmark is not switched on")
    return section


def _check_directions(section: BenchmarkConfig, tasks: Tasks) -> None:
    """Refuse a metric that a task does not have, and a limit on its wrong side."""
    for benchmark in tasks.benchmarks:
        better = {_is_higher_better(tasks.single[part], part, section) for part in benchmark.parts}
        wrong, right = ("min_scores", "max_scores") if better == {False} else ("max_scores", "min_scores")
        if len(better) == 1 and benchmark.name in getattr(section, wrong):
            word = "less" if better == {False} else "more"
            raise ConfigError(
                f"evaluation.benchmark.{wrong}: of {benchmark.name}'s metric {word} is better",
                hint=f"write the limit under evaluation.benchmark.{right}",
            )


def _is_higher_better(task: Any, name: str, section: BenchmarkConfig) -> bool:
    directions = task.higher_is_better()
    wanted = {key: metric.partition(",")[0] for key, metric in section.metrics.items()}
    try:
        metric = choose_metric(name, {f"{metric},none": 0.0 for metric in directions}, wanted)
    except LookupError as error:
        raise ConfigError(f"evaluation.benchmark.metrics: {error.args[0]}") from error
    return bool(directions.get(metric.partition(",")[0], True))


def _questions(task: Any, limit: int | None) -> int:
    count = len(task.eval_docs)
    return count if limit is None else min(count, limit)


def _warn_if_out_of_reach(name: str, questions: int, section: BenchmarkConfig) -> None:
    """Warn where even a model without a mistake would not be sure of its limit."""
    limit = section.min_scores.get(name, section.min_score if len(section.tasks) == 1 else None)
    best = proportion_interval(questions, questions)
    if section.gate_on == "bound" and limit is not None and best is not None and best.low < limit:
        _log.warning(
            "benchmark %s has %d questions: a model that answers all of them is only shown to be above %.4f, so the "
            "limit %.4f can never be passed for certain; ask more, or set gate_on: point",
            name,
            questions,
            best.low,
            limit,
        )


BENCHMARK = Evaluator("benchmark", is_wanted, check, ask, measure)
