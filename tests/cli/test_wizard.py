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
from terminal import Terminal as RealTerminal

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
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(["", *_ANSWERS, "", reply, ""])))
    assert run(["wizard"]) is ExitCode.OK
    assert "builtin/ember" in (tmp_path / written).read_text()
    assert (written == "my_config.yaml") or (tmp_path / "my_config.yaml").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_ctrl_c_at_a_terminal_keeps_the_answers(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", _ATTENTIVE], stdin=theirs, stderr=subprocess.PIPE, cwd=tmp_path)
    os.write(ours, b"\nbuiltin/ember\norders.jsonl\n")
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


def test_a_use_case_proposes_its_model_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    words = ["wizard", "--use-case", "grpo-math", "--output", "math.yaml"]
    assert answer(monkeypatch, ["", "sums.jsonl", *[""] * 14], *words) is ExitCode.OK
    written = (tmp_path / "math.yaml").read_text()
    assert 'name_or_path: "builtin/ember"' in written
    assert 'trainer_type: "grpo"' in written
    assert "grpo_num_generations: 4" in written
    assert answer(monkeypatch, [], *words, "--start-from", "math.yaml") is ExitCode.CONFIG
    capsys.readouterr()


@pytest.mark.slow
def test_at_a_terminal_documents_become_rows_and_the_training_starts(tmp_path: Path) -> None:
    """A person at a real terminal: a folder of documents, masks, a token that is not shown, and the run at the end."""
    (tmp_path / "papers").mkdir()
    for number in range(8):
        text = f"# Table {number}\n\nWrite to guest{number}@example.com and table {number} is yours.\n"
        (tmp_path / "papers" / f"{number}.md").write_text(text)
    screen = RealTerminal("wizard", folder=tmp_path, environment={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    replies = [("[none]:", ""), ("model.name_or_path:", "builtin/ember"), ("dataset_name_or_path:", "papers")]
    replies += [("Make rows of them now? [yes]:", ""), ("credentials in them? [yes]:", ""), ("trainer_type", "")]
    replies += [("output_dir", "run"), ("\nlora", "no"), ("max_length", "64"), ("num_train_epochs", "")]
    replies += [("max_steps", "2"), ("per_device_train_batch_size", "2"), ("learning_rate", ""), ("auto_revert", "no")]
    replies += [("max_acceptable_loss", ""), ("sections", "auth"), ("hf_token [leave out]", "hf_nobody_sees_this")]
    replies += [("Start the training now? [no]:", "yes")]
    for awaited, reply in replies:
        screen.expect(awaited)
        screen.expect(":") if not awaited.endswith(":") else None
        screen.type(reply)
    assert screen.wait() == ExitCode.OK, screen.seen[-2000:]
    assert "hf_nobody_sees_this" not in screen.seen
    assert "guest1@" not in (tmp_path / "papers.jsonl").read_text()
    assert (tmp_path / "run" / "final_model").is_dir()


def test_at_a_terminal_rows_are_audited_if_wanted(orders: Path, tmp_path: Path) -> None:
    screen = RealTerminal("wizard", folder=tmp_path, environment={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    for awaited, reply in (("[none]:", "none"), ("name_or_path:", "builtin/ember"), ("name_or_path:", orders.name)):
        screen.expect(awaited)
        screen.type(reply)
    screen.expect("duplicates now? [yes]:")
    screen.type("y")
    screen.expect("trainer_type")
    assert (tmp_path / "audit" / "data_audit_report.json").is_file()
    screen.press_ctrl_c()
    assert screen.wait() == ExitCode.CANCELLED
