"""``forgelm quickstart`` as a newcomer types it, in a process of its own that cannot reach any network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Terminal

from forgelm.cli.main import run


def test_the_dry_run_writes_config_and_data_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "here" / "config.yaml"
    assert run(["quickstart", "--output", str(path), "--dry-run"]) == 0
    assert str(path) in capsys.readouterr().out
    assert sorted(item.name for item in path.parent.iterdir()) == [
        *("config.yaml", "heldout.jsonl", "quickstart_audit.jsonl", "train.jsonl")
    ]


def test_without_a_place_the_config_goes_below_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["quickstart", "grpo-math", "--dry-run"]) == 0
    (path,) = tmp_path.glob("configs/grpo-math-*/config.yaml")
    assert "grpo" in path.read_text()


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
    assert names == ["orders", "customer-support", "code-assistant", "domain-expert", "medical-qa-tr", "grpo-math"]
    keys = {"name", "title", "description", "primary_model", "fallback_model", "trainer_type", "estimated_minutes"}
    keys |= {"min_vram_for_primary_gb", "bundled_dataset", "license_note"}
    assert all(set(item) == keys for item in reply["templates"])
    assert reply["count"] == 6


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
    named = ["quickstart", "grpo-math", "--model", "org/mine", "--output", str(tmp_path / "d" / "c.yaml"), "--dry-run"]
    assert run([*named, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["model"] == "org/mine"
    assert "org/mine" in Path(reply["config_path"]).read_text()


@pytest.mark.parametrize("words", [["orders", "--model", "m"], ["domain-expert"], ["tea"]])
def test_what_does_not_go_together_is_the_callers_mistake(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["quickstart", *words, "--dry-run"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert "hint:" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["orders", "medical-qa-tr"])
def test_a_second_time_nothing_is_overwritten(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["quickstart", name, "--dry-run", "--output"]
    assert run([*words, str(tmp_path / "config.yaml")]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for again in ("config.yaml", "other.yaml"):
        assert run([*words, str(tmp_path / again)]) == 1
        assert "exists already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_must_be_known_of_the_rows_is_in_the_reply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["quickstart", "medical-qa-tr", "--dry-run"]
    assert run([*words, "--output", str(tmp_path / "a" / "c.yaml"), "--output-format", "json"]) == 0
    assert "Not medical advice" in json.loads(capsys.readouterr().out)["notes"][0]
    assert run([*words, "--output", str(tmp_path / "b" / "c.yaml")]) == 0
    assert "Not medical advice" in capsys.readouterr().out


@pytest.mark.slow
def test_every_template_with_conversations_trains_the_bundled_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("customer-support", "code-assistant", "medical-qa-tr"):
        assert run(["quickstart", name, "--output", str(tmp_path / name / "c.yaml"), "--dry-run", "-q"]) == 0
        capsys.readouterr()
        words = ["--config", str(tmp_path / name / "c.yaml"), "--set", "training.max_steps=4"]
        assert run([*words, "--output-format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["verdict"] == "promoted", name


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--no-chat"]], ids=["chat", "no chat"])
def test_on_a_terminal_the_training_ends_in_a_chat(orders: Path, tmp_path: Path, more: list[str]) -> None:
    words = ["quickstart", "domain-expert", "--dataset", str(orders), "--output", "new/c.yaml", *more]
    terminal = Terminal(*words, folder=tmp_path)
    terminal.expect("PROMOTED", seconds=300)
    if not more:
        terminal.expect("talking with ")
        terminal.expect("> ")
        terminal.type("/temperature 0")
        terminal.expect("temperature: 0\n> ")
        terminal.type("two teas please")
        assert terminal.expect("> ").partition("\n")[2].strip("> \n")
        terminal.type("/exit")
    assert terminal.wait() == 0
    assert ("talking with" in terminal.seen) is (not more)


@pytest.mark.slow
def test_a_template_trains_on_the_users_rows_with_the_bundled_model(
    orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["quickstart", "domain-expert", "--dataset", str(orders), "--output", str(tmp_path / "new" / "c.yaml")]
    assert run([*words, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["verdict"], reply["model"], reply["dry_run"]) == ("promoted", "builtin/ember", False)
    assert Path(reply["final_model_path"]).is_dir()
