"""Checks every stage of a pipeline as far as that goes before the stage before it has left a model."""

from __future__ import annotations

from typing import Any

from forgelm.base.errors import ConfigError, Problem
from forgelm.config.explain import summarise
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import build_stages
from forgelm.run.dry_run import check_run


def check_pipeline(config: ForgeConfig) -> dict[str, Any]:
    """Return the dry run's report of every stage. A chained stage is checked with the model the chain begins with.

    Raises:
        ConfigError: a stage cannot be run as configured; every finding of all stages.
    """
    reports, problems = list[dict[str, Any]](), list[Problem]()
    for stage in build_stages(config):
        try:
            reports.append({"name": stage.name, "input_source": stage.source, **check_run(stage.config)})
        except ConfigError as error:
            path = f"pipeline.stages[{stage.index}] ({stage.name})"
            problems.append(Problem(error.message, path=path, hint=error.hint))
    if problems:
        raise summarise(problems, "the pipeline")
    return {"success": True, "status": "valid", "stages": reports, "config_hash": config.config_hash}
