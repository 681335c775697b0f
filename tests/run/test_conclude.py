"""What a measured model ends in: its documents, the place its verdict sends it to, and what the caller is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Finished, Heard

from forgelm.base.errors import StorageError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.inventory import verify_integrity
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]


def test_the_manifest_says_what_ran(finished: Finished) -> None:
    report = json.loads((finished.root / "compliance" / "compliance_report.json").read_text())
    assert report["run_id"] == finished.result.run_id
    assert report["config_hash"] == finished.config.config_hash
    assert report["model_lineage"]["quantization"] == "none"
    assert report["model_lineage"]["base_model_revision"]["resolution_source"] == "local_path"
    data = Path(finished.config.data.dataset_name_or_path)
    assert report["data_provenance"]["fingerprint"]["sha256"] == sha256_file(data)
    assert report["evaluation_results"]["metrics"]["eval_loss"] == pytest.approx(finished.result.metrics["eval_loss"])
    assert report["environment"]["packages"]["trl"]
    assert "gpu_model" not in report["resource_usage"]
    assert "estimated_cost_usd" not in report["resource_usage"]
    ledger = report["token_ledger"]["train"]
    assert 0 < ledger["target_tokens"] < ledger["tokens"]
    assert ledger["target_tokens_lost"] == 0
    for name in ("training_manifest.yaml", "data_provenance.json", "risk_assessment.json"):
        assert (finished.root / "compliance" / name).stat().st_size > 0
    governance = json.loads((finished.root / "compliance" / "data_governance_report.json").read_text())
    assert governance["splits"]["train"]["sample_count"] == ledger["rows"]


def test_card_and_instructions_hold_the_figures_and_escape_what_users_wrote(finished: Finished) -> None:
    folder = finished.root / "final_model"
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlanguage:")
    assert f"{finished.result.metrics['eval_loss']:.4f}" in card
    assert "loss: passed" in card
    instructions = (folder / "deployer_instructions.md").read_text()
    assert r"Prov \*ider\*" in instructions
    assert r"medical \| advice" in instructions
    assert instructions.count("\n## ") == 7


def test_a_failed_gate_with_auto_revert_goes_to_quarantine(make_config: Make, tmp_path: Path) -> None:
    config = make_config(training={"max_steps": 2}, evaluation={"auto_revert": True, "max_acceptable_loss": 0.01})
    result = run_single(config)
    assert not result.success
    assert result.reverted
    assert result.final_model_path is None
    assert "above max_acceptable_loss 0.0100" in str(result.revert_reason)
    assert not (tmp_path / "run" / "final_model").exists()
    quarantine = tmp_path / "run" / "quarantine" / str(result.run_id)
    assert verify_integrity(str(quarantine / "final_model")).valid
    assert json.loads((quarantine / "verdict.json").read_text())["passed"] is False
    log = (tmp_path / "run" / "audit_log.jsonl").read_text()
    assert '"model.reverted"' in log
    assert '"model.promoted"' not in log


def test_a_failed_gate_without_auto_revert_keeps_its_place_and_is_marked(make_config: Make, tmp_path: Path) -> None:
    config = make_config(training={"max_steps": 2}, evaluation={"max_acceptable_loss": 0.01})
    result = run_single(config)
    assert not result.success
    assert not result.reverted
    assert result.final_model_path == str(tmp_path / "run" / "final_model")
    assert "failed its quality gates" in (tmp_path / "run" / "final_model" / "README.md").read_text()


def test_human_approval_holds_the_model_in_staging(make_config: Make, tmp_path: Path) -> None:
    config = make_config(training={"max_steps": 2}, evaluation={"require_human_approval": True})
    heard = Heard()
    result = run_single(config, listen=heard)
    assert result.awaiting_approval
    assert result.final_model_path is None
    assert result.staging_path == str(tmp_path / "run" / f"final_model.staging.{result.run_id}")
    assert verify_integrity(str(result.staging_path)).valid
    asked = heard.fields(Event.HUMAN_APPROVAL_REQUIRED)
    assert asked["staging_path"] == result.staging_path
    assert asked["config_hash"] == config.config_hash
    assert Event.PIPELINE_COMPLETED not in heard.names()


def test_documents_that_cannot_be_written_and_an_audit_that_cannot_be_read_are_in_the_log(
    make_config: Make, tmp_path: Path
) -> None:
    config, root, heard = make_config(training={"max_steps": 2}), tmp_path / "run", Heard()
    root.mkdir()
    (root / "data_audit_report.json").write_text('{"total_samples": 80, "verd')
    in_the_way = root / ".compliance.new"

    def listen(event: Event, /, **fields: Any) -> None:
        heard(event, **fields)
        if event is Event.SEEN_ROWS_RECORDED:
            in_the_way.write_text("what is put together there cannot be")

    with pytest.raises(StorageError) as refused:
        run_single(config, listen=listen)
    assert heard.fields(Event.ARTIFACTS_EXPORT_FAILED) == {"reason": refused.value.message}
    assert Event.ARTIFACTS_EXPORTED not in heard.names()
    assert heard.names()[-1] is Event.PIPELINE_FAILED
    in_the_way.unlink()
    heard = Heard()
    result = run_single(config, listen=heard)
    assert "data_audit_report.json is not JSON" in heard.fields(Event.GOVERNANCE_FAILED)["reason"]
    assert heard.fields(Event.ARTIFACTS_EXPORTED)["governance_ok"] is False
    assert Event.GOVERNANCE_EXPORTED not in heard.names()
    assert result.success
    log = (root / "audit_log.jsonl").read_text()
    assert log.count('"compliance.artifacts_export_failed"') == 1
    assert log.count('"compliance.governance_failed"') == 1
    assert verify_audit_log(str(root / "audit_log.jsonl")).valid


def test_a_second_promotion_sets_the_first_model_aside(make_config: Make, tmp_path: Path) -> None:
    config = make_config(training={"max_steps": 2})
    first, second = run_single(config), run_single(config)
    assert first.run_id != second.run_id
    assert verify_integrity(str(tmp_path / "run" / "superseded" / f"by-{second.run_id}")).valid
    assert verify_audit_log(str(tmp_path / "run" / "audit_log.jsonl")).valid
