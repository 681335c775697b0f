"""``forgelm quickstart`` as a newcomer types it, in a process of its own that cannot reach any network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.cli.main import run


def test_the_dry_run_writes_config_and_data_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "here" / "config.yaml"
    assert run(["quickstart", "--output", str(path), "--dry-run"]) == 0
    assert str(path) in capsys.readouterr().out
    assert sorted(item.name for item in path.parent.iterdir()) == ["config.yaml", "heldout.jsonl", "train.jsonl"]


@pytest.mark.slow
def test_the_whole_first_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forgelm", "quickstart", "--output", "first/config.yaml"]
    if shutil.which("unshare") and os.geteuid() == 0:
        command = ["unshare", "-rn", *command]
    done = subprocess.run(
        [*command, "--output-format", "json"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    reply = json.loads(done.stdout)
    assert reply["exact_match_after"] - reply["exact_match_before"] >= 0.5
    assert reply["verdict"] == "promoted"
    log = tmp_path / "first" / "run" / "audit_log.jsonl"
    assert run(["verify-audit", str(log)]) == 0
    assert run(["verify-integrity", str(tmp_path / "first" / "run" / "final_model")]) == 0


def test_the_templates_are_listed_with_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["quickstart", "--list", "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    names = [item["name"] for item in reply["templates"]]
    assert names == ["orders", "customer-support", "code-assistant", "domain-expert", "grpo-math"]
    keys = {"name", "title", "description", "primary_model", "fallback_model", "trainer_type", "estimated_minutes"}
    keys |= {"min_vram_for_primary_gb", "bundled_dataset", "license_note"}
    assert all(set(item) == keys for item in reply["templates"])
    assert reply["count"] == 5


def test_a_template_says_what_it_chose_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["quickstart", "grpo-math", "--output", str(tmp_path / "c.yaml"), "--dry-run", "--output-format", "json"]
    assert run(words) == 0
    reply = json.loads(capsys.readouterr().out)
    assert set(reply) == {
        *("success", "template", "config_path", "model", "dataset", "selection_reason", "dry_run"),
        *("chat_launched", "notes"),
    }
    assert (reply["model"], reply["chat_launched"]) == ("builtin/ember", False)
    assert "offline" in reply["selection_reason"]
    assert run(["--config", reply["config_path"], "--dry-run", "--output-format", "json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["train_rows"] + checked["validation_rows"] == 40


@pytest.mark.parametrize("words", [["orders", "--model", "m"], ["domain-expert"], ["tea"]])
def test_what_does_not_go_together_is_the_callers_mistake(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["quickstart", *words, "--dry-run"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert "hint:" in capsys.readouterr().err


@pytest.mark.slow
def test_a_template_trains_on_the_users_rows_with_the_bundled_model(
    orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["quickstart", "domain-expert", "--dataset", str(orders), "--output", str(tmp_path / "new" / "c.yaml")]
    assert run([*words, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["verdict"], reply["model"], reply["dry_run"]) == ("promoted", "builtin/ember", False)
    assert Path(reply["final_model_path"]).is_dir()
