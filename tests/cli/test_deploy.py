from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from merging import EMBER

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run
from forgelm.evidence.inventory import write_integrity_manifest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copytree(EMBER, tmp_path / "model")
    write_integrity_manifest(tmp_path / "model")
    return tmp_path / "model"


def test_a_file_is_written_and_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "Modelfile")
    arguments = ["deploy", str(model), "--target", "ollama", "--output", output, "--system", "Be kind."]
    assert run([*arguments, "--output-format", "json"]) is ExitCode.OK
    said = json.loads(capsys.readouterr().out)
    assert {"success": True, "target": "ollama", "output_path": output}.items() <= said.items()
    assert 'SYSTEM """Be kind."""' in Path(output).read_text()
    assert run(arguments) is ExitCode.OK
    assert f"ollama create NAME -f {output}" in capsys.readouterr().out


def test_errors_have_their_codes(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["--output", str(tmp_path / "out")]
    assert run(["deploy", str(model), *output]) is ExitCode.CONFIG
    assert run(["deploy", str(model), "--target", "rocket", *output]) is ExitCode.CONFIG
    assert run(["deploy", str(tmp_path / "none"), "--target", "vllm", *output]) is ExitCode.CONFIG
    assert run(["deploy", str(model), "--target", "vllm", "--gpu-memory-utilization", "2", *output]) is ExitCode.CONFIG
    (model / "extra").touch()
    assert run(["deploy", str(model), "--target", "vllm", *output]) is ExitCode.INTEGRITY
    capsys.readouterr()
    assert not (tmp_path / "out").exists()
