"""What became of a stage: from its result, or from its own log when the command that ran it was killed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import ExitCode
from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.config.stages import Stage
from forgelm.evidence.entries import Entry, read_entries, take_checkpoint
from forgelm.evidence.pipeline.manifest import STAGES, keep_stage_documents
from forgelm.evidence.pipeline.state import StageState, StageStatus
from forgelm.publish.moves import seal_of
from forgelm.publish.promote import settle
from forgelm.run.folder import run_files
from forgelm.run.result import TrainResult

_ENDS = (Event.PIPELINE_COMPLETED, Event.HUMAN_APPROVAL_REQUIRED, Event.MODEL_PROMOTED, Event.MODEL_QUARANTINED)
_REPORT = "compliance_report.json"
_ANNEX = "annex_iv_metadata.json"
_SUMMED = ("real_tokens", "flop_operations", "flop_upper_bound", "energy_joules")


def count_log(files: RunFiles) -> int:
    """Return how many lines a stage's log has."""
    return take_checkpoint(files.audit_log).size if files.audit_log.is_file() else 0


def describe_result(folder: Path, stage: Stage, before: StageState, result: TrainResult) -> StageState:
    """Return the stage as its run left it, its documents kept below ``folder``."""
    if result.awaiting_approval:
        ended = replace(before, status=StageStatus.GATED, exit_code=int(ExitCode.AWAITING_APPROVAL))
        ended = replace(ended, staging_path=result.staging_path, output_root=seal_of(Path(result.staging_path or "")))
    elif result.reverted:
        ended = replace(before, status=StageStatus.FAILED, exit_code=int(ExitCode.GATE_FAILED), gate_decision="failed")
        ended = replace(ended, auto_revert_triggered=True)
    else:
        ended = _completed(before, run_files(stage.config), passed=result.success)
    if not result.success and ended.status is StageStatus.GATED:
        ended = replace(ended, exit_code=int(ExitCode.GATE_FAILED))
    ended = replace(ended, run_id=result.run_id, metrics=dict(result.metrics), error=result.error)
    return _with_documents(folder, stage, ended, result.estimated_cost_usd)


def find_outcome(folder: Path, stage: Stage, before: StageState) -> StageState | None:
    """Return how a stage ended that was cut short on the record but not in fact, or ``None`` where it did not end."""
    files = run_files(stage.config)
    if not files.audit_log.is_file():
        return None
    settle(files)
    entries = [entry for entry in read_entries(files.audit_log, _ENDS) if entry.number > (before.log_entries or 0)]
    if not entries:
        return None
    run_id = entries[-1].run_id
    by_event = {entry.event: entry for entry in entries if entry.run_id == run_id}
    asked, ended = by_event.get(Event.HUMAN_APPROVAL_REQUIRED), by_event.get(Event.PIPELINE_COMPLETED)
    if asked is not None:
        found = replace(before, status=StageStatus.GATED, exit_code=int(ExitCode.AWAITING_APPROVAL))
        found = replace(found, staging_path=asked.text("staging_path"), output_root=asked.text("model_root"))
        found = replace(found, run_id=run_id, metrics=_metrics(asked, "metrics"))
        return _with_documents(folder, stage, found, None)
    if ended is None:
        return None
    if Event.MODEL_QUARANTINED in by_event:
        found = replace(before, status=StageStatus.FAILED, exit_code=int(ExitCode.GATE_FAILED), gate_decision="failed")
        found = replace(found, auto_revert_triggered=True)
    else:
        found = _completed(before, files, passed=bool(ended.fields.get("success")))
    found = replace(found, run_id=run_id, metrics=_metrics(ended, "metrics_summary"))
    return _with_documents(folder, stage, found, None)


def settle_gate(stage: Stage, before: StageState) -> StageState | None:
    """Return the stage once a person decided about its model, ``None`` while it waits."""
    files = run_files(stage.config)
    settle(files)
    decided = {
        entry.event
        for entry in read_entries(files.audit_log, (Event.MODEL_PROMOTED, Event.HUMAN_APPROVAL_REJECTED))
        if entry.run_id == before.run_id
    }
    if Event.MODEL_PROMOTED in decided and seal_of(files.final_model) == before.output_root:
        return _completed(before, files, passed=before.exit_code != ExitCode.GATE_FAILED)
    if Event.HUMAN_APPROVAL_REJECTED in decided:
        return replace(
            before,
            status=StageStatus.FAILED,
            gate_decision="failed",
            exit_code=int(ExitCode.GATE_FAILED),
            error="its model was rejected",
            staging_path=None,
        )
    return None


def _completed(before: StageState, files: RunFiles, *, passed: bool) -> StageState:
    return replace(
        before,
        status=StageStatus.COMPLETED,
        gate_decision="passed" if passed else "failed",
        exit_code=int(ExitCode.OK if passed else ExitCode.GATE_FAILED),
        output_model=str(files.final_model),
        output_root=seal_of(files.final_model),
        staging_path=None,
    )


def _with_documents(folder: Path, stage: Stage, ended: StageState, cost: float | None) -> StageState:
    kept = keep_stage_documents(folder, stage.name, run_files(stage.config))
    annex = f"{STAGES}/{stage.name}/{_ANNEX}"
    return replace(
        ended,
        evidence=kept,
        training_manifest=annex if annex in kept else None,
        totals=_totals(folder / STAGES / stage.name / _REPORT, cost),
    )


def _totals(report: Path, cost: float | None) -> dict[str, Any]:
    if not report.is_file():
        return {}
    compute = json.loads(report.read_bytes()).get("compute") or {}
    figures = {name: compute.get(name) for name in _SUMMED} | {"estimated_cost_usd": cost}
    return {name: value for name, value in figures.items() if value is not None}


def _metrics(entry: Entry, name: str) -> dict[str, Any]:
    found = entry.fields.get(name)
    return dict(found) if isinstance(found, dict) else {}
