from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from forgelm.cli.main import run


def test_the_reply_holds_the_configuration_and_its_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recommend", "8B", "--gpu", "rtx-4090", "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["success"] is True
    assert reply["method"] == "lora"
    assert reply["fit"]["verdict"] == "FITS"
    assert yaml.safe_load(reply["yaml"])["training"] == reply["config"]["training"]


def test_text_is_the_yaml_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recommend", "1B", "--vram-gb", "24"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["model"]["name_or_path"] == "1B"


def test_a_file_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "run.yaml"
    assert run(["recommend", "1B", "--gpu", "h100", "--output", str(path)]) == 0
    assert yaml.safe_load(path.read_text())["lora"]["r"] == 16
    assert run(["recommend", "1B", "--gpu", "h100", "--output", str(path)]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        ["70B", "--gpu", "l4"],
        ["1B", "--vram-gb", "0"],
        ["1B", "--vram-gb", "nan"],
        ["1B", "--gpu", "h100", "--vram-gb", "80"],
        ["1B", "--max-length", "0"],
        ["someone/mystery", "--offline"],
        [],
    ],
)
def test_what_cannot_be_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recommend", *wrong]) == 1
    assert capsys.readouterr().err
