"""``forgelm upload`` in this process; that it uploads is in publish/test_upload.py."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from forgelm.cli.main import run

EMBER = str(files("forgelm.model") / "ember")


def test_a_dry_run_lists_what_would_be_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["upload", EMBER, "me/tuned", "--private", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "would upload to" in shown and "me/tuned" in shown and "private" in shown and "model.safetensors" in shown
    assert run(["upload", EMBER, "me/tuned", "--dry-run", "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["dry_run"] and reply["commit"] is None
    assert {one["name"] for one in reply["files"]} >= {"config.json", "model.safetensors", "README.md"}
    assert reply["total_bytes"] == sum(one["bytes"] for one in reply["files"])


def test_options_that_belong_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["upload", EMBER, "me/tuned", "--merge-adapter"]) == 1
    assert run(["upload", EMBER, "me/tuned", "--base-model", "x"]) == 1
    assert "belong together" in capsys.readouterr().err
