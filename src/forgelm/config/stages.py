"""A configuration with a pipeline to one flat configuration for each stage, all findings at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from forgelm.base.errors import ConfigError, Problem
from forgelm.config.explain import summarise
from forgelm.config.model import ModelConfig
from forgelm.config.pipeline import STAGE_SECTIONS, PipelineConfig, PipelineStage
from forgelm.config.root import ForgeConfig

InputSource = Literal["root", "chain", "stage_explicit", "cli_override"]


@dataclass(frozen=True)
class Stage:
    """One stage with its whole configuration. ``source`` says where its model comes from."""

    name: str
    index: int
    config: ForgeConfig
    source: InputSource


def require_pipeline(config: ForgeConfig) -> PipelineConfig:
    """Return the section ``pipeline``.

    Raises:
        ConfigError: there is none.
    """
    if config.pipeline is None:
        raise ConfigError("the configuration has no pipeline", hint="write a section pipeline with its stages")
    return config.pipeline


def refuse_pipeline(config: ForgeConfig, what: str) -> None:
    """Stop ``what``, which is about one training, where the configuration describes several.

    Raises:
        ConfigError: it has a pipeline.
    """
    if config.pipeline is not None:
        raise ConfigError(
            f"{what} is about one training, and the configuration has a pipeline",
            hint="remove the section pipeline, or give the stage a file of its own",
        )


def build_stages(config: ForgeConfig) -> tuple[Stage, ...]:
    """Return the stages in their order. A chained stage's model is still the one of the stage before.

    Raises:
        ConfigError: a stage's sections do not fit together, or stages would write into one folder; every finding.
    """
    pipeline, stages, problems = require_pipeline(config), list[Stage](), list[Problem]()
    model = config.model
    for index, stage in enumerate(pipeline.stages):
        model = stage.model or model
        source: InputSource = "stage_explicit" if stage.model else "chain" if index else "root"
        try:
            stages.append(Stage(stage.name, index, _flatten(config, stage, model), source))
        except ConfigError as error:
            found = error.problems or (Problem(error.message, hint=error.hint),)
            problems += [_in_stage(stage, index, problem) for problem in found]
    problems += _collisions(pipeline, stages)
    if problems:
        raise summarise(problems, "the pipeline")
    return tuple(stages)


def with_model(stage: Stage, path: str, source: InputSource | None = None) -> Stage:
    """Return ``stage`` with the model in the folder ``path``; a pin of the model before does not apply to it."""
    written = {name: getattr(stage.config.model, name) for name in stage.config.model.model_fields_set}
    model = ModelConfig.model_validate({**written, "name_or_path": path, "revision": None})
    sections = {name: getattr(stage.config, name) for name in stage.config.model_fields_set}
    return replace(stage, config=ForgeConfig(**{**sections, "model": model}), source=source or stage.source)


def _flatten(config: ForgeConfig, stage: PipelineStage, model: ModelConfig) -> ForgeConfig:
    sections = {name: getattr(config, name) for name in config.model_fields_set if name != "pipeline"}
    own = {name: getattr(stage, name) for name in STAGE_SECTIONS if getattr(stage, name) is not None}
    return ForgeConfig(**{**sections, **own, "model": model})


def _in_stage(stage: PipelineStage, index: int, problem: Problem) -> Problem:
    path = f"pipeline.stages[{index}] ({stage.name})"
    inside = f"{path}: {problem.path}" if problem.path else path
    return Problem(problem.message, path=inside, hint=problem.hint)


def _collisions(pipeline: PipelineConfig, stages: list[Stage]) -> Iterator[Problem]:
    taken = {os.path.realpath(pipeline.output_dir): "the pipeline itself"}
    for stage in stages:
        folder = os.path.realpath(stage.config.training.output_dir)
        if folder in taken:
            yield Problem(
                f"it writes into the folder of {taken[folder]}",
                path=f"pipeline.stages[{stage.index}].training.output_dir",
                hint="give each stage a training.output_dir of its own, beside pipeline.output_dir or below it",
            )
        taken[folder] = f"stage '{stage.name}'"
