"""``forgelm --config``: a user's own file trains, and each verdict has its exit code and envelope."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import sections

from forgelm.cli.main import run
from forgelm.cli.train import exit_code, reply_to
from forgelm.run.result import TrainResult


def config_file(orders: Path, tmp_path: Path, **changes: Any) -> str:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run", **changes)))
    return str(path)


def test_a_users_own_file_trains(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(orders, tmp_path, training={"max_steps": 4})
    assert run(["--config", path, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["success"] is True
    assert reply["verdict"] == "promoted"
    assert Path(reply["final_model_path"]).is_dir()
    assert reply["metrics"]["eval_loss"] < reply["metrics"]["baseline_eval_loss"]
    assert reply["run_id"].startswith("fg-")
    assert reply["config_hash"].startswith("sha256:")
    assert (reply["reverted"], reply["awaiting_approval"]) == (False, False)


def test_text_puts_the_verdict_first(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(orders, tmp_path, training={"max_steps": 3})
    assert run(["--config", path]) == 0
    text = capsys.readouterr()
    assert text.out.startswith("verdict")
    assert "PROMOTED" in text.out.splitlines()[0]
    assert "forgelm: training" in text.err


def test_a_refused_model_is_exit_3(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = {"auto_revert": True, "max_acceptable_loss": 0.001}
    path = config_file(orders, tmp_path, training={"max_steps": 3}, evaluation=limits)
    assert run(["--config", path, "--output-format", "json"]) == 3
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["reverted"], reply["final_model_path"]) == (False, True, None)
    assert "max_acceptable_loss" in reply["error"]


def test_a_held_model_is_exit_4_and_a_success(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(orders, tmp_path, training={"max_steps": 3}, evaluation={"require_human_approval": True})
    assert run(["--config", path, "--output-format", "json"]) == 4
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["awaiting_approval"]) == (True, True)
    assert Path(reply["staging_path"]).is_dir()


def test_overrides_and_offline_change_the_run(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(orders, tmp_path, model={"offline": False})
    arguments = ["--config", path, "--dry-run", "--offline", "--set", "lora.r=5", "--output-format", "json"]
    assert run(arguments) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["lora_rank"], reply["offline"]) == (5, True)


def test_a_dry_run_reads_the_data_and_the_tokenizer_and_trains_nothing(
    orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config_file(orders, tmp_path)
    assert run(["--config", path, "--dry-run", "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["status"] == "valid"
    assert reply["train_rows"] + reply["validation_rows"] == 120
    assert list((tmp_path / "run").iterdir()) == []
    with orders.open("a") as stream:
        stream.write('{"broken": \n')
    assert run(["--config", path, "--dry-run", "--output-format", "json"]) == 1
    assert ":121" in json.loads(capsys.readouterr().out)["error"]


def test_a_wrong_checkpoint_is_exit_1(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(orders, tmp_path)
    assert run(["--config", path, "--resume", str(tmp_path / "checkpoint-9"), "--output-format", "json"]) == 1
    assert "cannot resume from" in json.loads(capsys.readouterr().out)["error"]
    assert not (tmp_path / "run" / "audit_log.jsonl").exists()  # said before anything was read or loaded


def test_a_failed_gate_fails_the_caller_whatever_became_of_the_model() -> None:
    assert exit_code(TrainResult(True)) == 0
    assert exit_code(TrainResult(True, awaiting_approval=True)) == 4
    assert exit_code(TrainResult(False, error="loss", final_model_path="x")) == 3
    assert exit_code(TrainResult(False, error="loss", awaiting_approval=True)) == 3
    assert "error" in reply_to(TrainResult(False, error="loss"), "run").envelope
