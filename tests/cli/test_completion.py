"""Completion as a shell asks for it: with the scripts printed here, and the variables they set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.base.errors import ExitCode
from forgelm.cli.main import COMMANDS, run


def complete(words: str, cword: int, loaded: bool = False) -> list[str]:
    asked = {"_FORGELM_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(cword)}
    watch = "import sys, atexit; atexit.register(lambda: print('forgelm.assist' in sys.modules, file=sys.stderr))\n"
    code = f"{watch}from forgelm.cli.main import main; main([])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == str(loaded)
    return done.stdout.split()


def test_commands_are_completed_without_loading_any() -> None:
    assert complete("forgelm ", 1) == [f"plain,{name}" for name in COMMANDS]
    assert complete("forgelm verify-", 1) == [f"plain,{name}" for name in COMMANDS if name.startswith("verify-")]
    assert "plain,--config" in complete("forgelm --", 1)


def test_options_choices_and_commands_below_a_command_are_completed() -> None:
    assert "plain,--offline" in complete("forgelm doctor --", 2, loaded=True)
    assert complete("forgelm completion ", 2) == ["plain,bash", "plain,zsh", "plain,fish"]
    assert complete("forgelm cache ", 2, loaded=True) == ["plain,models", "plain,tasks"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_same_in_text_and_json(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) is ExitCode.OK
    text = capsys.readouterr().out
    assert run(["completion", shell, "--output-format", "json"]) is ExitCode.OK
    reply = json.loads(capsys.readouterr().out)
    assert (reply["shell"], reply["script"].strip()) == (shell, text.strip())
    assert f"_FORGELM_COMPLETE={shell}_complete" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_itself_completes_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["completion", "bash"])
    script = tmp_path / "forgelm.bash"
    script.write_text(capsys.readouterr().out)
    program = tmp_path / "forgelm"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m forgelm "$@"\n')
    program.chmod(0o755)
    asked = (
        f"source {script}; COMP_WORDS=(forgelm docto); COMP_CWORD=1; "
        '_forgelm_completion forgelm docto forgelm; echo "${COMPREPLY[@]}"'
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "doctor"


def test_another_shell_is_the_callers_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) is ExitCode.CONFIG
    assert "tcsh" in capsys.readouterr().err
