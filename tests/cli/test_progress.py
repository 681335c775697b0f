"""Progress goes to stderr: lines in a log, a bar on a terminal, nothing when quiet."""

from __future__ import annotations

import sys

import pytest
from terminal import drawn_on

from forgelm.base.events import Event
from forgelm.cli.options import Shared
from forgelm.cli.progress import Reporter
from forgelm.data.batching import choose_batching

STEP = {"step": 5, "total": 10, "loss": 1.25, "tokens_per_second": 1234.4, "eta_seconds": 7.2}


def test_a_log_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(Shared()) as report:
        report(Event.STAGE, name="training")
        report(Event.PROGRESS, **STEP)
        report(Event.PROGRESS, **{**STEP, "step": 10, "eta_seconds": 0.0})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "forgelm: training"
    assert lines[1].split("  ")[1:] == ["step 5/10", "loss 1.2500", "1234 tokens/s", "7 s left"]
    assert lines[2].startswith("  step 10/10")


@pytest.mark.parametrize("options", [Shared(quiet=True), Shared(as_json=True)])
def test_quiet_and_json_say_nothing(options: Shared, capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(options) as report:
        report(Event.STAGE, name="training")
        report(Event.PROGRESS, **STEP)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    with drawn_on() as (terminal, finish):
        monkeypatch.setattr(sys, "stderr", terminal)
        with Reporter(Shared()) as report:
            report(Event.PROGRESS, **STEP)
        drawn = finish()
    assert "5/10" in drawn
    assert "loss=1.2500" in drawn
    assert "tokens/s=1234" in drawn


def test_trouble_is_said_with_its_cause_and_the_change(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(Shared()) as report:
        report(Event.TRAINING_TROUBLE, kind="zero_gradient", step=9, value=0.0, cause="nothing learns", change="look")
    assert capsys.readouterr().err == "forgelm: trouble at step 9: zero_gradient: nothing learns; look\n"


def test_the_batches_are_said_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(Shared()) as report:
        report(Event.TRAINING_STARTED, trainer_type="sft", rows=3, batching=choose_batching([5, 5, 50], 2).as_record())
    assert capsys.readouterr().err == (
        "forgelm: batches of 2: random order, rows of a batch joined: random batches of 2 are 43% padding, and 0% with "
        "their rows joined\n"
    )
