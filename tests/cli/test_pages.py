"""``forgelm docs`` and ``forgelm explain`` as a user calls them."""

from __future__ import annotations

import json

import pytest
from pages import ROOT

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run


def test_all_pages_are_listed_and_each_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "--output-format", "json"]) is ExitCode.OK
    reply = json.loads(capsys.readouterr().out)
    topics = [item["topic"] for item in reply["topics"]]
    assert topics == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
    assert reply["count"] == len(topics)
    for topic in topics:
        assert run(["docs", topic]) is ExitCode.OK
        assert capsys.readouterr().out.startswith("# ")


def test_a_word_is_explained_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "6"]) is ExitCode.OK
    said = capsys.readouterr().out
    assert "An integrity check failed" in said and "more: forgelm docs exit-codes" in said
    assert run(["explain", "model.promoted", "--output-format", "json"]) is ExitCode.OK
    reply = json.loads(capsys.readouterr().out)
    assert reply["explanations"][0]["topic"] == "evidence"


@pytest.mark.parametrize("words", [["explain", "no.such.thing"], ["docs", "nothing"], ["explain"]])
def test_what_nobody_wrote_about_is_the_callers_mistake(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) is ExitCode.CONFIG
    assert capsys.readouterr().err.startswith("error: ")
