"""A manifest is believed only as far as its digest, its files and the log bear it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.events import Event
from forgelm.base.files import sha256_bytes
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.pipeline.manifest import MANIFEST_FILE, digest_manifest
from forgelm.evidence.pipeline.state import FinalStatus, PipelineState, StageState, StageStatus
from forgelm.evidence.pipeline.verify import PipelineVerification, verify_pipeline

SECRET = "a secret of the operator's, long enough"


def state() -> PipelineState:
    evidence = {"stages/sft/report.json": sha256_bytes(b"{}")}
    sft = StageState(
        *("sft", 0, "sft", StageStatus.COMPLETED),
        output_model="/m/sft",
        output_root="r1",
        gate_decision="passed",
        evidence=evidence,
    )
    dpo = StageState(
        *("dpo", 1, "dpo", StageStatus.COMPLETED),
        input_source="chain",
        input_model="/m/sft",
        input_root="r1",
        output_model="/m/dpo",
        output_root="r2",
        gate_decision="passed",
        evidence=evidence,
    )
    return PipelineState("pl_x", "sha256:00", "0.1.0", "now", (sft, dpo), "later", FinalStatus.COMPLETED)


def write(folder: Path, change: Any = None, *, sealed: bool = True, log: bool = True) -> PipelineVerification:
    record = json.loads(json.dumps(state().as_record()))
    if change is not None:
        record = change(record) or record
    if sealed:
        record["metadata"] = {"manifest_hash": digest_manifest(record)}
    path = folder / MANIFEST_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record))
    (folder / "stages/sft").mkdir(parents=True, exist_ok=True)
    (folder / "stages/sft/report.json").write_text("{}")
    if log:
        ledger = AuditLogger(str(folder), "pl_x")
        for name, root in (("sft", "r1"), ("dpo", "r2")):
            ledger.log_event(Event.STAGE_COMPLETED, stage_name=name, gate_decision="passed", output_root=root)
        ledger.log_event(Event.PIPELINE_COMPLETED, final_status="completed")
        ledger.close_run()
    return verify_pipeline(folder)


def set_stage(place: int, **changes: Any) -> Any:
    return lambda record: record["stages"][place].update(changes)


def test_a_sound_pipeline_is_corroborated_under_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    found = write(tmp_path)
    assert found.success and found.violations == ()
    assert (found.stages_total, found.stages_examined, found.evidence_verified) == (2, 2, 2)
    assert found.audit_corroboration is not None and found.audit_corroboration.outcome == "corroborated"
    assert found.status_census == {"completed": 2}


def test_without_a_secret_or_a_log_nobody_attests_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for found in (write(tmp_path / "a"), write(tmp_path / "b", log=False)):
        assert found.success
        assert found.audit_corroboration is not None and found.audit_corroboration.outcome == "unattested"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_stage(0, index=1), "stage 0 says its index is 1"),
        (set_stage(0, input_source="chain"), "the first stage cannot follow"),
        (set_stage(1, input_model="/m/other"), "was not trained on what stage 0 left"),
        (set_stage(1, input_root="r9"), "was not trained on what stage 0 left"),
        (set_stage(0, status="fine"), "stage 0: unrecognised status"),
        (set_stage(0, status="failed"), "gate passed but not completed"),
        (set_stage(0, status="running", gate_decision=None), "still running although"),
        (set_stage(0, evidence={"stages/sft/report.json": "00"}), "stages/sft/report.json was changed"),
        (set_stage(0, evidence={"stages/sft/gone.json": "00"}), "gone.json is gone"),
        (set_stage(0, evidence={"../x": "00"}), "leads out of the folder"),
        (set_stage(0, evidence={"/etc/passwd": "00"}), "leads out of the folder"),
        (set_stage(0, training_manifest="stages/sft/annex.json"), "named and not among the evidence"),
        (set_stage(0, output_root="r9"), "stage sft left another model"),
        (lambda record: record.update(stopped_at="nobody"), "which did not stop it"),
        (lambda record: record.update(final_status="stopped_at_stage"), "does not say where"),
        (lambda record: record.update(final_status="fine"), "final_status is 'fine'"),
        (lambda record: record.update(stages=[]), "it has no stages"),
        (lambda record: record["stages"].append("x"), "not an object"),
        (
            lambda record: record["stages"].append(
                {"name": "x", "index": 2, "status": "completed", "gate_decision": "passed"}
            ),
            "does not know that stage x passed",
        ),
    ],
)
def test_what_does_not_fit_together_shows(change: Any, said: str, tmp_path: Path) -> None:
    found = write(tmp_path, change)
    assert found.failure == "integrity"
    assert any(said in violation for violation in found.violations), found.violations


def test_a_change_after_the_seal_shows(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / MANIFEST_FILE
    path.write_text(path.read_text().replace('"0.1.0"', '"0.1.1"'))
    assert "the manifest is not what was sealed" in verify_pipeline(tmp_path).violations


def test_a_log_cut_before_the_end_contradicts(tmp_path: Path) -> None:
    write(tmp_path, log=False)
    AuditLogger(str(tmp_path), "pl_x").log_event("pipeline.started")
    found = verify_pipeline(tmp_path)
    assert any("the log says otherwise" in violation for violation in found.violations)


def test_a_link_is_no_evidence(tmp_path: Path) -> None:
    write(tmp_path)
    report = tmp_path / "stages/sft/report.json"
    report.rename(tmp_path / "elsewhere.json")
    report.symlink_to(tmp_path / "elsewhere.json")
    assert any("is a link" in violation for violation in verify_pipeline(tmp_path).violations)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"stages": []}'])
def test_what_is_no_manifest_is_a_callers_error(text: str, tmp_path: Path) -> None:
    assert verify_pipeline(tmp_path).failure == "config"
    (tmp_path / MANIFEST_FILE).parent.mkdir()
    (tmp_path / MANIFEST_FILE).write_text(text)
    assert verify_pipeline(tmp_path).failure == "config"
