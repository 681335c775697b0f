"""What a pipeline knows of itself, as one file that is whole after any crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import write_json

STATE_FILE = "pipeline_state.json"
_LONGEST = 8 << 20


class StageStatus(StrEnum):
    """Where a stage stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    GATED = "gated_pending_approval"
    SKIPPED = "skipped_due_to_prior_revert"
    FILTERED = "skipped_by_filter"


class FinalStatus(StrEnum):
    """Where the whole pipeline stands."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    STOPPED = "stopped_at_stage"
    GATED = "gated_pending_approval"


@dataclass(frozen=True)
class StageState:
    """One stage. Times are ISO 8601 in UTC; folders are absolute; ``evidence`` is path below the pipeline to SHA-256.

    ``input_root`` and ``output_root`` are the SHA-256 of the models' integrity manifests; ``log_entries`` is how many
    lines the stage's own log had before it began; ``loaded_from`` the folder the weights were read from, where that is
    not ``input_model``.
    """

    name: str
    index: int
    trainer_type: str
    status: StageStatus = StageStatus.PENDING
    input_model: str | None = None
    input_root: str | None = None
    input_source: str | None = None
    loaded_from: str | None = None
    output_model: str | None = None
    output_root: str | None = None
    staging_path: str | None = None
    run_id: str | None = None
    log_entries: int | None = None
    started_at: str | None = None
    finished_at: str | None = None
    duration_seconds: float | None = None
    training_manifest: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    totals: Mapping[str, Any] = field(default_factory=dict)
    gate_decision: str | None = None
    auto_revert_triggered: bool = False
    skipped_reason: str | None = None
    exit_code: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class PipelineState:
    """The whole chain. ``totals`` sums its stages: tokens, operations, cost where it is known."""

    pipeline_run_id: str
    pipeline_config_hash: str
    forgelm_version: str
    started_at: str
    stages: tuple[StageState, ...]
    finished_at: str | None = None
    final_status: FinalStatus = FinalStatus.IN_PROGRESS
    stopped_at: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages)

    def stage(self, name: str) -> StageState:
        return next(stage for stage in self.stages if stage.name == name)

    def with_stage(self, name: str, **changes: Any) -> Self:
        """Return the state in which one stage is another."""
        changed = tuple(replace(stage, **changes) if stage.name == name else stage for stage in self.stages)
        return replace(self, stages=changed)

    def as_record(self) -> dict[str, Any]:
        return {**asdict(self), "totals": add_totals(self.stages)}


def add_totals(stages: tuple[StageState, ...]) -> dict[str, Any]:
    """Return the sums over the stages that ran; a sum is absent where one of them does not have the figure."""
    counted = [stage.totals for stage in stages if stage.totals]
    names = {name for totals in counted for name in totals}
    return {
        name: sum(totals[name] for totals in counted)
        for name in sorted(names)
        if all(totals.get(name) is not None for totals in counted)
    }


def write_state(folder: Path, state: PipelineState) -> Path:
    """Replace the state file.

    Raises:
        StorageError: it could not be written; the old state stands.
    """
    return write_json(folder / STATE_FILE, state.as_record())


def read_state(folder: Path) -> PipelineState | None:
    """Return the state a pipeline left in ``folder``, or ``None`` where there is none.

    Raises:
        IntegrityError: the file is not what a pipeline wrote.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError(f"it is larger than {_LONGEST >> 20} MiB")
        return parse_state(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            f"{path} is not the state of a pipeline: {error}",
            hint="nothing was run; restore the file, or begin anew with another pipeline.output_dir",
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error


def parse_state(record: Any) -> PipelineState:
    """Return the state a mapping describes; what it holds beyond the state is passed over.

    Raises:
        ValueError, KeyError, TypeError: it does not describe one.
    """
    stages = tuple(_parse_stage(stage, index) for index, stage in enumerate(record["stages"]))
    if len({stage.name for stage in stages}) < len(stages) or not stages:
        raise ValueError("its stages have no names of their own")
    known = {item.name: record[item.name] for item in fields(PipelineState) if item.name in record}
    return PipelineState(**{**known, "stages": stages, "final_status": FinalStatus(record["final_status"])})


def _parse_stage(record: Any, index: int) -> StageState:
    known = {item.name: record[item.name] for item in fields(StageState) if item.name in record}
    if not isinstance(known["name"], str) or known["index"] != index:
        raise ValueError(f"stage {index} is not where it says it is")
    return StageState(**{**known, "status": StageStatus(known["status"])})
