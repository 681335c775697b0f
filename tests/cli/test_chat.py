from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from guards import relabel, train_classifier
from merging import EMBER, write_adapter, write_variant

from forgelm.base.errors import ExitCode, OptionalDependencyError
from forgelm.cli.main import run
from forgelm.evidence.inventory import write_integrity_manifest


def talk(monkeypatch: pytest.MonkeyPatch, lines: str, *arguments: str) -> ExitCode:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    return run(["chat", *arguments, "--offline"])


def test_lines_go_in_and_replies_come_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "two coffees please\n/save saved.jsonl\n/temperature\n/exit\nnever read\n"
    code = talk(monkeypatch, lines, "builtin/ember", "--temperature", "0", "--max-new-tokens", "16")
    assert code is ExitCode.OK
    said = capsys.readouterr().out.splitlines()
    (row,) = (json.loads(line) for line in (tmp_path / "saved.jsonl").read_text().splitlines())
    assert said[0] == row["messages"][1]["content"].splitlines()[0]
    assert said[-1] == "temperature: 0"


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_the_end_of_the_input_is_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, more: list[str]
) -> None:
    write_adapter(tmp_path / "adapter")
    arguments = [str(tmp_path / "adapter"), "--temperature", "0", "--max-new-tokens", "4", *more]
    assert talk(monkeypatch, "hello", *arguments) is ExitCode.OK
    assert capsys.readouterr().out.strip()


def test_a_guard_withholds_what_it_does_not_find_safe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    mild = train_classifier(tmp_path / "mild")
    strict = relabel(mild, tmp_path / "strict", ("unsafe", "safe"))
    asked = ["builtin/ember", "--temperature", "0", "--max-new-tokens", "16", "--guard"]
    for guard in (mild, strict):
        lines = f"two coffees please\n/save {guard.name}.jsonl\n"
        assert talk(monkeypatch, lines, *asked, str(guard)) is ExitCode.OK
    reply, saved, *withheld = capsys.readouterr().out.splitlines()
    (row,) = (json.loads(line) for line in (tmp_path / "mild.jsonl").read_text().splitlines())
    assert [turn["content"] for turn in row["messages"]] == ["two coffees please", reply]
    assert (saved, withheld) == (
        "saved to mild.jsonl",
        ["[reply withheld: the guard calls it unsafe]", "there is nothing to save yet"],
    )
    assert talk(monkeypatch, "", "builtin/ember", "--guard", "builtin/ember") is ExitCode.CONFIG
    assert talk(monkeypatch, "", "builtin/ember", "--guard-family", "llama_guard") is ExitCode.CONFIG


def test_mistakes_have_their_codes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert talk(monkeypatch, "", str(tmp_path / "none")) is ExitCode.CONFIG
    assert talk(monkeypatch, "", "builtin/ember", "--temperature", "3") is ExitCode.CONFIG
    assert talk(monkeypatch, "", "builtin/ember", "--load-in-4bit", "--load-in-8bit") is ExitCode.CONFIG
    assert talk(monkeypatch, "", "builtin/ember", "--backend", "unsloth") is OptionalDependencyError.exit_code
    assert talk(monkeypatch, "", "builtin/ember", "--output-format", "json") is ExitCode.CONFIG
    model = write_variant(tmp_path / "model")
    write_integrity_manifest(model)
    (model / "extra").touch()
    assert talk(monkeypatch, "", str(model)) is ExitCode.INTEGRITY


def test_a_message_that_is_too_long_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = f"{'tea ' * 2000}\n/temperature\n"
    assert talk(monkeypatch, lines, "builtin/ember", "--temperature", "0") is ExitCode.OK
    heard = capsys.readouterr()
    assert "the message is too long: the model reads 1024 tokens" in heard.err
    assert "temperature: 0" in heard.out


# Started in a shell's background, a process ignores SIGINT, and so would its children.
LISTENING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from forgelm.cli import chat
from forgelm.cli.main import main

class Listening:
    # A standard input that says on the other stream when it is read.

    def isatty(self):
        return False

    def readline(self):
        print("waiting", file=sys.stderr, flush=True)
        return stdin.readline()

stdin, sys.stdin = sys.stdin, Listening()
main(sys.argv[1:])
"""


def test_ctrl_c_at_the_prompt_is_a_good_end() -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", LISTENING, "chat", str(EMBER), "--offline", "--temperature", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdin and running.stdout and running.stderr
    running.stdin.write("/temperature\n")
    running.stdin.flush()
    assert running.stdout.readline() == "temperature: 0\n"
    for _ in range(2):
        while (line := running.stderr.readline()) != "waiting\n":
            assert line, "it ended before it read a second line"
    running.send_signal(signal.SIGINT)
    running.stderr.read()
    assert running.wait(timeout=120) == ExitCode.OK


def test_an_adapter_a_system_prompt_and_trusted_code_are_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_adapter(tmp_path / "adapter", target_modules="all-linear")
    greedy = ["--temperature", "0", "--max-new-tokens", "12"]
    said = []
    for more in ([], ["--adapter", str(tmp_path / "adapter")]):
        assert talk(monkeypatch, "two coffees please\n", "builtin/ember", *greedy, *more) is ExitCode.OK
        said.append(capsys.readouterr().out)
    assert said[0] != said[1]
    assert talk(monkeypatch, "/system\n", "builtin/ember", "--system", "Be kind.") is ExitCode.OK
    assert "Be kind." in capsys.readouterr().out
    model = write_variant(tmp_path / "own")
    (model / "own.py").write_text("raise RuntimeError('it ran')")
    settings = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(
        json.dumps({**settings, "model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}})
    )
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    for more, ran in (([], False), (["--trust-remote-code"], True)):
        assert talk(monkeypatch, "", str(model), *more) is not ExitCode.OK
        assert ("it ran" in capsys.readouterr().err) is ran
