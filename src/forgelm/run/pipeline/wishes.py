"""Which stages of a pipeline are to run, by what was asked and by what an earlier command left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.config.nearest import nearest_word
from forgelm.config.stages import Stage
from forgelm.evidence.inventory import verify_integrity
from forgelm.evidence.pipeline.state import FinalStatus, PipelineState, StageState, StageStatus
from forgelm.publish.moves import seal_of


@dataclass(frozen=True)
class PipelineWishes:
    """What the caller asked for. ``resume`` is a checkpoint's path or ``"auto"``, for the first stage that runs."""

    stage: str | None = None
    resume_from: str | None = None
    force_resume: bool = False
    input_model: str | None = None
    resume: str | None = None


@dataclass(frozen=True)
class Plan:
    """The state to begin with, and the names of the stages that run. ``fresh`` is false where an earlier state goes on.

    ``forced`` is the hash of the configuration that the state was made with, where it was another one.
    """

    state: PipelineState
    todo: tuple[str, ...]
    fresh: bool
    forced: str | None = None


def check_wishes(wishes: PipelineWishes, stages: Sequence[Stage]) -> None:
    """Refuse wishes that exclude one another or name a stage there isn't.

    Raises:
        ConfigError: they cannot be meant.
    """
    names = [stage.name for stage in stages]
    if wishes.stage and wishes.resume_from:
        raise ConfigError("--stage runs one stage, --resume-from all from one on: give one of the two")
    if wishes.input_model and not wishes.stage:
        raise ConfigError("--input-model says what one stage begins with", hint="name the stage with --stage")
    for name in (wishes.stage, wishes.resume_from):
        if name is not None and name not in names:
            near = nearest_word(name, names)
            meant = f"did you mean '{near}'? " if near else ""
            raise ConfigError(f"the pipeline has no stage '{name}'", hint=f"{meant}there are {', '.join(names)}")


def build_plan(wishes: PipelineWishes, fresh: PipelineState, before: PipelineState | None) -> Plan:
    """Return what to run. ``fresh`` is the state of a pipeline that nobody has begun.

    Without wishes an unfinished pipeline goes on where it stopped, and a completed one begins anew.

    Raises:
        ConfigError: there is nothing to resume, or the pipeline was changed since.
    """
    asked = wishes.stage or wishes.resume_from
    if before is None or (asked is None and before.final_status is FinalStatus.COMPLETED):
        if wishes.resume_from:
            raise ConfigError(
                "there is no earlier state to resume from", hint="run the pipeline without --resume-from first"
            )
        return Plan(_only(fresh, wishes.stage), _todo(fresh, wishes.stage), fresh=True)
    forced = _compare(wishes, fresh, before)
    state = replace(
        before, pipeline_config_hash=fresh.pipeline_config_hash, final_status=FinalStatus.IN_PROGRESS, stopped_at=None
    )
    state = replace(state, finished_at=None)
    if asked is None:
        todo = state.names[_first_left(state) :]
    elif wishes.stage:
        todo = (wishes.stage,)
    else:
        todo = state.names[state.stage(asked).index :]
    return Plan(_reset(state, todo, fresh), todo, fresh=False, forced=forced)


def check_done(state: PipelineState, name: str) -> None:
    """Look whether every stage before ``name`` left the model its record says.

    Raises:
        ConfigError: a stage before has not been completed.
        IntegrityError: its model is gone or is not what it was.
    """
    for stage in state.stages[: state.stage(name).index]:
        if stage.status is not StageStatus.COMPLETED:
            raise ConfigError(
                f"stage '{stage.name}', before '{name}', is {stage.status.replace('_', ' ')}",
                hint="approve its model if it waits for a person, or resume from that stage",
            )
        if problem := find_problem(stage):
            raise IntegrityError(
                f"the model that stage '{stage.name}' left is not what it was: {problem}",
                hint=f"restore it, or run it again with --resume-from {stage.name}",
            )


def find_problem(stage: StageState) -> str | None:
    """Return what is wrong with the model a completed stage left, or ``None``."""
    folder = Path(stage.output_model or "")
    seal = seal_of(folder) if stage.output_model else None
    if seal is None:
        return f"there is no sealed model in {folder}"
    if seal != stage.output_root:
        return "another model stands in its place"
    found = verify_integrity(str(folder))
    return None if found.valid else str(found.reason)


def _compare(wishes: PipelineWishes, fresh: PipelineState, before: PipelineState) -> str | None:
    if fresh.names != before.names:
        raise ConfigError(
            f"the pipeline had the stages {', '.join(before.names)} and has {', '.join(fresh.names)} now",
            hint="begin anew with another pipeline.output_dir",
        )
    if fresh.pipeline_config_hash == before.pipeline_config_hash:
        return None
    if not wishes.force_resume:
        raise ConfigError(
            "the configuration is another one than the pipeline began with",
            hint="--force-resume goes on with it all the same, on the record; another pipeline.output_dir begins anew",
        )
    return before.pipeline_config_hash


def _first_left(state: PipelineState) -> int:
    """Return the place of the first stage that is not done, or was done on another model than stands there now."""
    for stage in state.stages:
        stale = stage.input_source == "chain" and stage.input_root != state.stages[stage.index - 1].output_root
        if stage.status is not StageStatus.COMPLETED or stale:
            return stage.index
    return len(state.stages)


def _todo(state: PipelineState, only: str | None) -> tuple[str, ...]:
    return (only,) if only else state.names


def _only(state: PipelineState, name: str | None) -> PipelineState:
    if name is None:
        return state
    for stage in state.stages:
        if stage.name != name:
            state = state.with_stage(stage.name, status=StageStatus.FILTERED, skipped_reason=f"only {name} was run")
    return state


def _reset(state: PipelineState, todo: Sequence[str], fresh: PipelineState) -> PipelineState:
    """Return the state with the stages to do as if never begun, but for one that was cut short."""
    stages = tuple(
        stage
        if stage.name not in todo or stage.status in (StageStatus.RUNNING, StageStatus.GATED)
        else fresh.stage(stage.name)
        for stage in state.stages
    )
    return replace(state, stages=stages)
