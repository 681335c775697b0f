"""The top level: one reply for every outcome, on the right stream, with the right exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.base.errors import ExitCode
from forgelm.cli.main import COMMANDS, run


def test_help_lists_every_command_without_loading_any(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", out, re.M) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == ExitCode.OK
    assert "--output-format" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == ExitCode.OK
    assert re.fullmatch(r"ForgeLM \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--no-such-flag"],
        ["no-such-command"],
        ["verify-audit"],
        ["--config", "missing.yaml"],
        ["--output-format", "xml"],
        ["--config", "x.yaml", "schema"],
        ["verify-audit", "missing.jsonl"],
        ["verify-integrity", "missing"],
        ["preview", "--config", "missing.yaml"],
        ["quickstart", "no-such-template"],
    ],
)
def test_every_mistake_is_exit_1_with_one_json_document_or_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == ExitCode.CONFIG
    text = capsys.readouterr()
    assert text.out == ""
    assert text.err.startswith("error: ")
    assert "Traceback" not in text.err
    if "--output-format" in arguments:
        return
    assert run([*arguments, "--output-format", "json"]) == ExitCode.CONFIG
    text = capsys.readouterr()
    reply = json.loads(text.out)
    assert reply["success"] is False
    assert reply["error"]


def test_config_problems_come_with_their_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model: {name_or_pth: x}\nlora: {}\ntraining: {}\ndata: {dataset_name_or_path: x}\n")
    assert run(["--config", str(path), "--output-format=json"]) == ExitCode.CONFIG
    reply = json.loads(capsys.readouterr().out)
    assert any(problem["line"] == 1 and problem["path"] == "model.name_or_pth" for problem in reply["problems"])


@pytest.mark.parametrize("module", ["forgelm", "forgelm.cli"])
def test_both_spellings_of_the_module_work_and_the_exit_code_arrives(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--output-format", "json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["success"] is False


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m forgelm schema | head -c 10; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_a_flag_that_is_gone_is_refused_and_its_command_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--data-audit", str(tmp_path)]) == 1
    assert "--data-audit" in capsys.readouterr().err
    assert run(["audit", str(tmp_path)]) == 1
    assert "--data-audit" not in capsys.readouterr().err


@pytest.mark.parametrize(("program", "code"), [("forgelm", 1), ("finetune_cli", 2)])
def test_ctrl_c_after_the_reply_does_not_change_its_code(program: str, code: int) -> None:
    late = (
        "import atexit, os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        f"from {program}.cli.main import main\n"
        "main(['no-such-command'])\n"
    )
    done = subprocess.run([sys.executable, "-c", late], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "KeyboardInterrupt" not in done.stderr
