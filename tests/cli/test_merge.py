from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from merging import EMBER, write_adapter
from support import sections

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run


def reply(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[ExitCode, dict[str, Any]]:
    code = run([*map(str, arguments), "--output-format", "json"])
    return code, json.loads(capsys.readouterr().out)


def write_config(tmp_path: Path, **merge: Any) -> Path:
    path = tmp_path / "run.yaml"
    both = [{"path": str(EMBER)}, {"path": "builtin/ember", "weight": 3}]
    merge = {"enabled": True, "models": both, "output_dir": str(tmp_path / "merged"), **merge}
    path.write_text(yaml.safe_dump(sections(tmp_path / "rows.jsonl", tmp_path / "run", merge=merge)))
    return path


def test_an_adapter_is_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_adapter(tmp_path / "adapter")
    code, said = reply(capsys, "merge", tmp_path / "adapter", "--output", tmp_path / "merged", "--offline")
    assert (code, said["success"], said["num_models"]) == (ExitCode.OK, True, 1)
    assert said["output_dir"] == str(tmp_path / "merged")
    assert run(["verify-integrity", str(tmp_path / "merged")]) is ExitCode.OK


@pytest.mark.parametrize("form", [["--config", "FILE", "--merge"], ["merge", "--config", "FILE"]])
def test_the_models_of_a_file_are_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]) -> None:
    path = write_config(tmp_path, method="linear")
    code, said = reply(capsys, *[str(path) if word == "FILE" else word for word in form])
    assert code is ExitCode.OK
    assert {"success": True, "method": "linear", "num_models": 2}.items() <= said.items()
    assert (tmp_path / "merged" / "model.safetensors").read_bytes()[8:] != b""


def test_the_place_can_be_named_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_config(tmp_path)
    assert run(["merge", "--config", str(path), "--output", str(tmp_path / "other"), "--offline"]) is ExitCode.OK
    assert "merged" in capsys.readouterr().out
    assert (tmp_path / "other" / "model_integrity.json").is_file()
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["merge"],
        ["merge", "a", "--config", "b"],
        ["merge", "a"],
        ["merge", "a", "--output", "b", "--set", "x=1"],
        ["merge", "--config", "b", "--dtype", "float16"],
        ["--config", "b", "--merge", "--dry-run"],
        ["--merge"],
    ],
)
def test_words_that_do_not_go_together(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, said = reply(capsys, *arguments)
    assert (code, said["success"]) == (ExitCode.CONFIG, False)


def test_a_section_that_is_off_is_an_error_of_the_caller(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = reply(capsys, "--config", write_config(tmp_path, enabled=False), "--merge")
    assert code is ExitCode.CONFIG
    assert "nothing to merge" in said["error"]


def test_a_changed_source_ends_with_the_code_for_integrity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from forgelm.evidence.inventory import write_integrity_manifest

    write_adapter(tmp_path / "adapter")
    write_integrity_manifest(tmp_path / "adapter")
    (tmp_path / "adapter" / "more").touch()
    code, said = reply(capsys, "merge", tmp_path / "adapter", "--output", tmp_path / "merged")
    assert (code, said["success"]) == (ExitCode.INTEGRITY, False)
