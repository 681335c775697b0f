"""``forgelm wizard`` with lines piped into it, and at a real terminal."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run

# In the order of the questions; Enter from then on.
_ANSWERS = ["builtin/ember", "orders.jsonl", "", "run", "", "4", "", "no", "128", "", "2", "4", "0.001", "no", ""]
# A test run in the background of a shell is deaf to Ctrl-C, and so is what it starts.
_ATTENTIVE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from forgelm.cli.main import main; main(['wizard'])"
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def answer(monkeypatch: pytest.MonkeyPatch, lines: list[str], *words: str) -> ExitCode:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return run([*(words or ("wizard",)), "--output-format", "json"])


@pytest.mark.slow
def test_piped_answers_write_a_configuration_that_trains(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert orders.parent == tmp_path
    assert answer(monkeypatch, [*_ANSWERS, ""]) is ExitCode.OK
    reply = json.loads(capsys.readouterr().out)
    assert reply == {
        "success": True,
        "config_path": "my_config.yaml",
        "next": "forgelm --config my_config.yaml --dry-run",
    }
    assert run([*reply["next"].split()[1:], "--output-format", "json"]) is ExitCode.OK
    capsys.readouterr()
    assert run(["--config", "my_config.yaml", "--output-format", "json"]) is ExitCode.OK
    assert json.loads(capsys.readouterr().out)["success"] is True
    assert (tmp_path / "run" / "final_model").is_dir()
    assert not (tmp_path / "cache" / "forgelm" / "wizard_state.yaml").exists()


@pytest.mark.parametrize("end", [[], ["quit"]])
def test_a_dialogue_that_ends_early_is_gone_on_with(
    end: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(monkeypatch, [*_ANSWERS[:6], *end]) is ExitCode.CANCELLED
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], "wizard_state.yaml" in reply["hint"]) == (False, True)
    assert not (tmp_path / "my_config.yaml").exists()
    assert answer(monkeypatch, ["yes", *_ANSWERS[6:], ""]) is ExitCode.OK
    assert "r: 4" in (tmp_path / "my_config.yaml").read_text()


def test_fresh_forgets_and_start_from_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(monkeypatch, _ANSWERS[:3]) is ExitCode.CANCELLED
    assert answer(monkeypatch, [*_ANSWERS, ""], "wizard", "--fresh") is ExitCode.OK
    assert answer(monkeypatch, _ANSWERS[:3]) is ExitCode.CONFIG
    words = ["wizard", "--start-from", "my_config.yaml", "--output", "other.yaml"]
    assert answer(monkeypatch, [""] * 16, *words) is ExitCode.OK
    assert "r: 4" in (tmp_path / "other.yaml").read_text()
    capsys.readouterr()


def test_a_file_that_is_there_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_config.yaml").write_text("mine")
    assert answer(monkeypatch, [*_ANSWERS, ""]) is ExitCode.CONFIG
    assert (tmp_path / "my_config.yaml").read_text() == "mine"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("reply", "written"), [("no", "my_config_2.yaml"), ("yes", "my_config.yaml")])
def test_at_a_terminal_it_asks_before_it_replaces(
    reply: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_config.yaml").write_text("mine")
    monkeypatch.setattr("sys.stdin", Terminal("\n".join([*_ANSWERS, "", reply, ""])))
    assert run(["wizard"]) is ExitCode.OK
    assert "builtin/ember" in (tmp_path / written).read_text()
    assert (written == "my_config.yaml") or (tmp_path / "my_config.yaml").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_ctrl_c_at_a_terminal_keeps_the_answers(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", _ATTENTIVE], stdin=theirs, stderr=subprocess.PIPE, cwd=tmp_path)
    os.write(ours, b"builtin/ember\norders.jsonl\n")
    state = tmp_path / "cache" / "forgelm" / "wizard_state.yaml"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (state.exists() and "orders.jsonl" in state.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == ExitCode.CANCELLED, said
    assert "orders.jsonl" in state.read_text()


def test_the_flags_of_the_main_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(monkeypatch, [*_ANSWERS, ""], "--wizard") is ExitCode.OK
    (tmp_path / "my_config.yaml").rename(tmp_path / "old.yaml")
    assert answer(monkeypatch, [""] * 16, "--wizard", "--wizard-start-from", "old.yaml") is ExitCode.OK
    assert "r: 4" in (tmp_path / "my_config.yaml").read_text()
    assert answer(monkeypatch, [], "--wizard-start-from", "old.yaml") is ExitCode.CONFIG
    capsys.readouterr()
