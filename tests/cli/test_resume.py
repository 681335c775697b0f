"""``forgelm resume`` continues; with ``--verify`` it says in one reply whether the losses come out the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run
from forgelm.config.root import ForgeConfig


def test_a_run_is_continued_and_verified(
    make_config: Callable[..., ForgeConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(make_config(training={"max_steps": 4, "save_steps": 2}).to_yaml(), encoding="utf-8")
    command = ["resume", "--config", str(path), "--output-format", "json"]
    assert run([*command, "--verify"]) is ExitCode.CONFIG
    assert "there is no run" in json.loads(capsys.readouterr().out)["error"]
    assert run(command) is ExitCode.OK
    assert json.loads(capsys.readouterr().out)["verdict"] == "promoted"

    assert run([*command, "--verify", "--steps", "2"]) is ExitCode.OK
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["same"], reply["largest_difference"]) == (True, True, 0.0)
    assert [step["step"] for step in reply["steps"]] == [3, 4]
    assert run(["resume", "--config", str(path), "--verify", "--steps", "2", "-q"]) is ExitCode.OK
    assert "THE SAME" in capsys.readouterr().out
