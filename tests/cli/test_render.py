"""What is printed: one JSON document without NaN, secrets never, errors on stderr."""

from __future__ import annotations

import json

import pytest

from forgelm.base.errors import ConfigError, ExitCode, Problem, StoppedError
from forgelm.cli.render import Reply, show, show_error, table


def test_json_holds_no_nan_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    token = "hf_" + "a" * 30
    show(Reply({"loss": float("nan"), "hf_token": "abc", "text": f"see {token}"}, ""), as_json=True)
    out = capsys.readouterr().out
    assert json.loads(out)["loss"] is None
    assert token not in out
    assert "abc" not in out
    assert out.count("\n") == 1


def test_text_hides_secrets_too(capsys: pytest.CaptureFixture[str]) -> None:
    show(Reply({}, "token hf_" + "b" * 30), as_json=False)
    assert "bbbb" not in capsys.readouterr().out


def test_an_error_names_its_code_hint_and_problems(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError("two things", hint="fix them", problems=(Problem("bad", path="model.x", line=3),))
    assert show_error(error, as_json=True) is ExitCode.CONFIG
    reply = json.loads(capsys.readouterr().out)
    assert (reply["hint"], reply["problems"][0]["line"]) == ("fix them", 3)
    assert show_error(error, as_json=False) is ExitCode.CONFIG
    text = capsys.readouterr()
    assert text.out == ""
    assert "fix them" in text.err


def test_a_stop_says_that_it_can_be_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_error(StoppedError("stopped", checkpoint="run/checkpoint-3"), as_json=True) is ExitCode.STOPPED
    reply = json.loads(capsys.readouterr().out)
    assert (reply["resumable"], reply["checkpoint"]) == (True, "run/checkpoint-3")


def test_an_unknown_error_is_a_runtime_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_error(ZeroDivisionError(), as_json=True) is ExitCode.RUNTIME
    assert json.loads(capsys.readouterr().out)["error"] == "ZeroDivisionError"


def test_columns_line_up() -> None:
    assert table([("a", "1"), ("long", "2")]) == "a     1\nlong  2"
