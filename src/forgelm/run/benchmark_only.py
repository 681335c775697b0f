"""Benchmarks of a model that is done, without training: the same questions, gates and files as in a run."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import RunFiles
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.benchmark.evaluator import BENCHMARK
from forgelm.evaluate.benchmark.library import ask_benchmarks
from forgelm.evaluate.benchmark.measure import measure_benchmarks
from forgelm.evidence.evaluations import write_evaluations
from forgelm.gate.decide import Thresholds, decide
from forgelm.gate.limits import build_limits
from forgelm.gate.verdict import Verdict
from forgelm.model.finished import load_finished

_SECTION = "evaluation.benchmark"


@dataclass(frozen=True)
class BenchmarkRun:
    """What a model reached. ``files`` are where it is written, each with its digest."""

    model_path: str
    scores: dict[str, float]
    average: float | None
    verdict: Verdict
    files: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether every gate passed; an undecided one has nobody to decide it here, so it passes only if told to."""
        return not self.verdict.failed and not self.verdict.undecided

    @property
    def failure_reason(self) -> str | None:
        return None if self.passed else self.verdict.reason


def run_benchmarks_only(config: ForgeConfig, model_path: str, *, listen: Emit = emit_nothing) -> BenchmarkRun:
    """Let the model at ``model_path`` take the benchmarks of ``config`` and hold it against their limits.

    The base model is not asked, so ``max_drop`` has no place here. Results go to ``output_dir`` of the section, else to
    ``benchmark`` beside the model's folder, or in the working folder for a model that has none.

    Raises:
        ConfigError: no benchmark is configured, the model cannot be loaded, or a task cannot be had.
    """
    alone = _alone(config)
    folder = _results_folder(config, model_path)
    with private(offline=alone.model.offline):
        BENCHMARK.check(alone)
        listen(Event.STAGE, name="loading the model")
        found = load_finished(alone, model_path)
        _make(folder)
        listen(Event.STAGE, name="asking the model: benchmark")
        section = _section(alone)
        answers = ask_benchmarks(section, found.model, found.tokenizer, offline=alone.model.offline)
    measured = measure_benchmarks(section, answers, None, folder=folder.name)
    limits = [limit for limit in build_limits(alone) if limit.gate.partition(".")[0] == "benchmark"]
    evaluation = alone.evaluation
    held = evaluation.on_inconclusive if evaluation else "hold"
    verdict = decide(measured, Thresholds(limits=tuple(limits), on_inconclusive=held))
    files = write_evaluations(RunFiles(folder.parent), measured, emit_nothing)
    whole, *single = measured
    scores = {item.name.partition(".")[2]: item.value for item in single if item.value is not None}
    places = {str(folder.parent / path): digest for path, digest in files.items()}
    return BenchmarkRun(model_path, scores, whole.value, verdict, places)


def _alone(config: ForgeConfig) -> ForgeConfig:
    """Return the configuration with its benchmarks switched on and nothing asked of a base model."""
    section = config.evaluation.benchmark if config.evaluation else None
    if section is None or not section.tasks:
        raise ConfigError(f"{_SECTION}.tasks names no benchmark", hint="name at least one, such as arc_easy")
    if section.max_drop is not None:
        raise ConfigError(
            f"{_SECTION}.max_drop compares with the base model, which --benchmark-only does not ask",
            hint=f"leave it out: --set {_SECTION}.max_drop=null",
        )
    changed: dict[str, Any] = {name: getattr(section, name) for name in section.model_fields_set}
    return config.replace(_SECTION, {**changed, "enabled": True, "compare_with_base": False, "output_dir": None})


def _section(config: ForgeConfig) -> Any:
    return config.evaluation.benchmark if config.evaluation else None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".forgelm."):
            pass
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written to: {error.strerror or error}",
            hint=f"choose another: --set {_SECTION}.output_dir=FOLDER",
        ) from error


def _results_folder(config: ForgeConfig, model_path: str) -> Path:
    configured = _section(config).output_dir
    if configured is not None:
        return Path(os.path.abspath(configured))
    model = Path(model_path)
    return Path(os.path.abspath(model.parent if model.is_dir() else ".")) / "benchmark"
