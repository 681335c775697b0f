"""A configuration with a pipeline to a chain of models: stage by stage, each on what the one before was promoted to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ConfigError, ExitCode, ForgeError, StoppedError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import RunFiles
from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import Stage, build_stages, require_pipeline
from forgelm.evidence.environment import package_version
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.pipeline.manifest import write_pipeline_manifest
from forgelm.evidence.pipeline.state import (
    FinalStatus,
    PipelineState,
    StageState,
    StageStatus,
    read_state,
    write_state,
)
from forgelm.model.load import release_memory
from forgelm.run.audience import check_audience
from forgelm.run.folder import open_folder, run_files
from forgelm.run.notify import PipelineMessages
from forgelm.run.pipeline.handover import hand_over
from forgelm.run.pipeline.outcome import count_log, describe_result, find_outcome, settle_gate
from forgelm.run.pipeline.wishes import PipelineWishes, Plan, build_plan, check_done, check_wishes
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest

_ENDED = MappingProxyType(
    {
        StageStatus.COMPLETED: Event.STAGE_COMPLETED,
        StageStatus.GATED: Event.STAGE_GATED,
        StageStatus.FAILED: Event.STAGE_FAILED,
    }
)


@dataclass(frozen=True)
class PipelineResult:
    """How a pipeline ended. ``exit_code`` is the gravest of its stages': awaiting approval, gate failed, failed."""

    state: PipelineState
    exit_code: ExitCode
    audit_log: Mapping[str, Any]


@dataclass
class _Chain:
    """One command's work on a pipeline. ``state`` is replaced at every step, on disk first."""

    config: ForgeConfig
    stages: tuple[Stage, ...]
    folder: Path
    ledger: AuditLogger
    listen: Emit
    told: Emit
    stop: StopRequest
    state: PipelineState

    def save(self, state: PipelineState) -> None:
        write_state(self.folder, state)
        write_pipeline_manifest(self.folder, state, self.config)
        self.state = state

    def emit(self, event: Event, **fields: Any) -> None:
        said = {"pipeline_run_id": self.state.pipeline_run_id, **fields}
        self.ledger.log_event(event, **said)
        self.told(event, **said)
        self.listen(event, **said)

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)


def run_pipeline(
    config: ForgeConfig,
    wishes: PipelineWishes | None = None,
    *,
    listen: Emit = emit_nothing,
    stop: StopRequest | None = None,
) -> PipelineResult:
    """Run the stages of ``config.pipeline`` that are left to do.

    Killed at any moment, the same call goes on: a finished stage is not done again, one that was cut short continues
    from its newest checkpoint, and nothing but a sealed, promoted model is handed on.

    Raises:
        ConfigError: the pipeline cannot be run as configured or asked; no stage was begun.
        IntegrityError: a model or the state that an earlier command left is not what it was.
        StoppedError: a stop was asked for; the same call continues.
        StorageError: state or log cannot be written.
    """
    wishes, stop = wishes or PipelineWishes(), stop or StopRequest()
    if not read_place().alone:
        raise ConfigError(
            "a pipeline runs its stages from one process", hint="launch the stages one by one, each a file of its own"
        )
    pipeline, stages = require_pipeline(config), build_stages(config)
    check_wishes(wishes, stages)
    check_audience(config)
    folder = Path(pipeline.output_dir).absolute()
    with open_folder(RunFiles(folder)):
        plan = build_plan(wishes, begin_state(config, stages), read_state(folder))
        ledger, told = AuditLogger(str(folder), plan.state.pipeline_run_id), PipelineMessages(config)
        chain = _Chain(config, stages, folder, ledger, listen, told, stop, plan.state)
        try:
            _announce(chain, plan)
            _run_stages(chain, plan, wishes)
            code = _finish(chain, plan)
        finally:
            closed = ledger.close_run()
            told.close(closed)
        return PipelineResult(chain.state, code, closed.as_record())


def begin_state(config: ForgeConfig, stages: tuple[Stage, ...]) -> PipelineState:
    """Return the state of a pipeline of which nothing has run."""
    return PipelineState(
        pipeline_run_id=f"pl_{datetime.now(UTC):%Y-%m-%d}_{uuid.uuid4().hex[:6]}",
        pipeline_config_hash=config.config_hash,
        forgelm_version=package_version("forgelm") or "",
        started_at=_now(),
        stages=tuple(StageState(stage.name, stage.index, stage.config.training.trainer_type) for stage in stages),
    )


def _announce(chain: _Chain, plan: Plan) -> None:
    chain.save(plan.state)
    if plan.fresh:
        names = list(plan.state.names)
        chain.emit(
            Event.PIPELINE_STARTED,
            config_hash=plan.state.pipeline_config_hash,
            stage_count=len(names),
            stage_names=names,
        )
        return
    if plan.forced is not None:
        new = plan.state.pipeline_config_hash
        chain.emit(Event.PIPELINE_FORCE_RESUME, old_config_hash=plan.forced, new_config_hash=new)
    chain.emit(Event.PIPELINE_CONTINUED, stages_left=list(plan.todo))


def _run_stages(chain: _Chain, plan: Plan, wishes: PipelineWishes) -> None:
    for name in plan.todo:
        ended = _bring_to_an_end(chain, name, wishes, wishes.resume if name == plan.todo[0] else None)
        if ended is None:
            return
        _end(chain, ended)
        if ended.status is StageStatus.FAILED:
            _skip_rest(chain, plan, ended)
        if ended.status is not StageStatus.COMPLETED:
            return


def _bring_to_an_end(chain: _Chain, name: str, wishes: PipelineWishes, resume: str | None) -> StageState | None:
    """Return how a stage ended, in this command or unseen in an earlier one; ``None`` while a person has to decide."""
    before = chain.state.stage(name)
    if before.status is StageStatus.GATED:
        settled = settle_gate(chain.stage(name), before)
        if settled is None:
            asked = {"requested_stage": name, "blocking_stage": name, "blocking_status": before.status}
            chain.emit(Event.PIPELINE_RESUME_REFUSED, **asked)
        return settled
    if before.status is not StageStatus.RUNNING:
        return _run_stage(chain, name, wishes, resume)
    found = find_outcome(chain.folder, chain.stage(name), before)
    return found or _run_stage(chain, name, wishes, resume or "auto")


def _run_stage(chain: _Chain, name: str, wishes: PipelineWishes, resume: str | None) -> StageState:
    """Train one stage and return how it ended."""
    given = wishes.input_model if name == wishes.stage else None
    began = time.monotonic()
    stage = chain.stage(name)
    try:
        if stage.source == "chain" and given is None:
            check_done(chain.state, name)
        beginning = hand_over(chain.folder, chain.stages, name, chain.state, given)
        chain.save(
            chain.state.with_stage(
                name,
                status=StageStatus.RUNNING,
                input_model=beginning.input_model,
                input_root=beginning.input_root,
                input_source=beginning.stage.source,
                loaded_from=beginning.loaded_from,
                started_at=chain.state.stage(name).started_at or _now(),
                log_entries=count_log(run_files(stage.config)),
            )
        )
        chain.emit(
            Event.STAGE_STARTED,
            stage_name=name,
            stage_index=stage.index,
            input_model=beginning.input_model,
            input_source=beginning.stage.source,
        )
        result = run_single(beginning.stage.config, resume=resume, listen=chain.listen, stop=chain.stop)
    except StoppedError:
        raise
    except ForgeError as error:
        return replace(
            chain.state.stage(name),
            status=StageStatus.FAILED,
            exit_code=int(error.exit_code),
            error=str(error),
            finished_at=_now(),
            duration_seconds=time.monotonic() - began,
        )
    finally:
        release_memory()
    ended = describe_result(chain.folder, stage, chain.state.stage(name), result)
    return replace(ended, finished_at=_now(), duration_seconds=time.monotonic() - began)


def _end(chain: _Chain, ended: StageState) -> None:
    """Put the end of a stage on the record. The log comes first: a state it does not know would contradict it."""
    event = Event.STAGE_REVERTED if ended.auto_revert_triggered else _ENDED[ended.status]
    fields = {"staging_path": ended.staging_path} if ended.status is StageStatus.GATED else {}
    chain.emit(
        event,
        stage_name=ended.name,
        gate_decision="approval_pending" if ended.status is StageStatus.GATED else ended.gate_decision,
        auto_revert_triggered=ended.auto_revert_triggered,
        output_root=ended.output_root,
        error=ended.error,
        metrics=dict(ended.metrics),
        **fields,
    )
    chain.save(replace(chain.state, stages=tuple(ended if s.name == ended.name else s for s in chain.state.stages)))


def _skip_rest(chain: _Chain, plan: Plan, failed: StageState) -> None:
    state = chain.state
    for name in plan.todo[plan.todo.index(failed.name) + 1 :]:
        reason = f"stage '{failed.name}' did not leave a model"
        state = state.with_stage(name, status=StageStatus.SKIPPED, skipped_reason=reason)
    chain.save(state)


def _finish(chain: _Chain, plan: Plan) -> ExitCode:
    """Record how the chain stands, and return the gravest code of the stages that this call was to run."""
    state = chain.state
    stopped = next((s for s in state.stages if s.status in (StageStatus.GATED, StageStatus.FAILED)), None)
    status = FinalStatus.COMPLETED
    if stopped is not None:
        status = FinalStatus.GATED if stopped.status is StageStatus.GATED else FinalStatus.STOPPED
    elif all(stage.status is not StageStatus.COMPLETED for stage in state.stages):
        status = FinalStatus.STOPPED
    if status is not FinalStatus.GATED:
        chain.emit(Event.PIPELINE_COMPLETED, final_status=status, stopped_at=stopped.name if stopped else None)
    chain.save(replace(state, final_status=status, stopped_at=stopped.name if stopped else None, finished_at=_now()))
    codes = [state.stage(name).exit_code or 0 for name in plan.todo or state.names]
    ranked = (ExitCode.AWAITING_APPROVAL, ExitCode.GATE_FAILED, ExitCode.INTEGRITY, ExitCode.RUNTIME, ExitCode.CONFIG)
    return next((code for code in ranked if code in codes), ExitCode.OK)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
