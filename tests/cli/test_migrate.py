"""``forgelm migrate``: a file in, a file out that loads, and what was left out on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from forgelm.cli.main import run
from forgelm.config.load import load_config

AXOLOTL = {"base_model": "org/base", "adapter": "lora", "datasets": [{"path": "a.jsonl"}], "unheard_of": 1}


def test_a_file_is_written_and_what_was_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ax.yaml").write_text(yaml.safe_dump(AXOLOTL))
    out = tmp_path / "run.yaml"
    assert run(["migrate", str(tmp_path / "ax.yaml"), "--output", str(out)]) == 0
    assert "unheard_of: not a key that is known here" in capsys.readouterr().out
    assert load_config(out).model.name_or_path == "org/base"
    assert run(["migrate", str(tmp_path / "ax.yaml"), "--output", str(out)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert run(["migrate", str(tmp_path / "ax.yaml")]) == 0
    assert capsys.readouterr().out.strip() == out.read_text().strip()


def test_the_envelope(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ax.yaml").write_text(yaml.safe_dump(AXOLOTL))
    assert run(["migrate", str(tmp_path / "ax.yaml"), "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["program"], reply["left_out"][0]["key"]) == ("Axolotl", "unheard_of")
    assert run(["migrate", str(tmp_path / "ax.yaml"), "--from", "trl", "--output-format", "json"]) == 1
    assert not json.loads(capsys.readouterr().out)["success"]
    assert run(["migrate", str(tmp_path / "absent.yaml")]) == 1
