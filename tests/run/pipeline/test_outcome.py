"""A stage whose command was killed after it ended is found ended, by its own log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import sections

from forgelm.base.errors import ExitCode
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import Stage, build_stages
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.pipeline.state import StageState, StageStatus
from forgelm.publish.moves import seal_of
from forgelm.run.folder import run_files
from forgelm.run.pipeline.outcome import count_log, describe_result, find_outcome, settle_gate
from forgelm.run.result import TrainResult


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stages = [{"name": "sft", "training": {"trainer_type": "sft", "output_dir": str(tmp_path / "sft")}}]
    config = ForgeConfig(**sections(Path("d.jsonl"), tmp_path / "x", pipeline={"stages": stages}))
    return build_stages(config)[0]


def promoted(stage: Stage) -> Path:
    final = run_files(stage.config).final_model
    final.mkdir(parents=True)
    (final / "model.safetensors").write_bytes(b"w")
    write_integrity_manifest(final)
    return final


def log(stage: Stage, *events: tuple[Event, dict[str, Any]]) -> str:
    ledger = AuditLogger(str(run_files(stage.config).root))
    for event, fields in events:
        ledger.log_event(event, **fields)
    return ledger.run_id


RUNNING = StageState("sft", 0, "sft", StageStatus.RUNNING, log_entries=0)


def test_nothing_in_the_log_is_no_end(stage: Stage, tmp_path: Path) -> None:
    assert find_outcome(tmp_path, stage, RUNNING) is None
    log(stage, (Event.TRAINING_STARTED, {}))
    assert find_outcome(tmp_path, stage, RUNNING) is None
    assert count_log(run_files(stage.config)) == 1


def test_an_end_before_the_stage_began_is_not_its_end(stage: Stage, tmp_path: Path) -> None:
    log(stage, (Event.PIPELINE_COMPLETED, {"success": True}))
    before = StageState("sft", 0, "sft", StageStatus.RUNNING, log_entries=1)
    assert find_outcome(tmp_path, stage, before) is None


@pytest.mark.parametrize(("success", "decision", "code"), [(True, "passed", 0), (False, "failed", 3)])
def test_a_promoted_model_is_an_end(stage: Stage, tmp_path: Path, success: bool, decision: str, code: int) -> None:
    final = promoted(stage)
    run = log(
        stage,
        (Event.MODEL_PROMOTED, {"model_root": seal_of(final)}),
        (Event.PIPELINE_COMPLETED, {"success": success, "metrics_summary": {"eval_loss": 1.0}}),
    )
    found = find_outcome(tmp_path, stage, RUNNING)
    assert found is not None
    assert (found.status, found.gate_decision, found.exit_code) == (StageStatus.COMPLETED, decision, code)
    assert (found.run_id, found.metrics, found.output_root) == (run, {"eval_loss": 1.0}, seal_of(final))


def test_a_refused_and_a_held_model_are_ends_too(stage: Stage, tmp_path: Path) -> None:
    log(stage, (Event.MODEL_QUARANTINED, {}), (Event.PIPELINE_COMPLETED, {"success": False}))
    refused = find_outcome(tmp_path, stage, RUNNING)
    assert refused is not None and refused.auto_revert_triggered and refused.status is StageStatus.FAILED
    run = log(stage, (Event.HUMAN_APPROVAL_REQUIRED, {"staging_path": "/s", "model_root": "r"}))
    held = find_outcome(tmp_path, stage, RUNNING)
    assert held is not None
    assert (held.status, held.run_id, held.output_root) == (StageStatus.GATED, run, "r")


def test_a_held_model_waits_until_the_log_says_what_became_of_it(stage: Stage) -> None:
    final = promoted(stage)
    run = log(stage, (Event.HUMAN_APPROVAL_REQUIRED, {}))
    held = StageState("sft", 0, "sft", StageStatus.GATED, run_id=run, output_root=seal_of(final), exit_code=4)
    assert settle_gate(stage, held) is None
    ledger = AuditLogger(str(run_files(stage.config).root), run)
    ledger.log_event(Event.MODEL_PROMOTED, model_root=seal_of(final))
    done = settle_gate(stage, held)
    assert done is not None and (done.status, done.exit_code) == (StageStatus.COMPLETED, ExitCode.OK)


def test_a_result_is_told_by_where_its_model_went(stage: Stage, tmp_path: Path) -> None:
    refused = describe_result(tmp_path, stage, RUNNING, TrainResult(False, reverted=True, error="too high"))
    assert (refused.status, refused.exit_code, refused.error) == (StageStatus.FAILED, 3, "too high")
    held = describe_result(tmp_path, stage, RUNNING, TrainResult(True, awaiting_approval=True, staging_path="/s"))
    assert (held.status, held.exit_code, held.staging_path) == (StageStatus.GATED, 4, "/s")
    kept = describe_result(tmp_path, stage, RUNNING, TrainResult(False, final_model_path="/f", error="too high"))
    assert (kept.status, kept.gate_decision, kept.exit_code) == (StageStatus.COMPLETED, "failed", 3)
