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


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("ollama", "Modelfile"),
        ("vllm", "vllm_config.yaml"),
        ("tgi", "docker-compose.yaml"),
        ("hf-endpoints", "hf_endpoint.json"),
    ],
)
def test_without_a_place_the_file_has_its_servers_usual_name(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, name: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run(["deploy", str(model), "--target", target]) is ExitCode.OK
    assert [path.name for path in (tmp_path / "here").iterdir()] == [name]


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


@pytest.mark.parametrize(
    ("target", "words", "said"),
    [
        ("vllm", ["--max-length", "96"], "max_model_len: 96"),
        ("vllm", ["--gpu-memory-utilization", "0.5"], "gpu_memory_utilization: 0.5"),
        ("vllm", ["--trust-remote-code"], "trust_remote_code: true"),
        ("tgi", ["--port", "9999"], "9999:"),
        ("hf-endpoints", ["--vendor", "gcp"], '"vendor": "gcp"'),
    ],
)
def test_every_wish_is_in_the_file(model: Path, tmp_path: Path, target: str, words: list[str], said: str) -> None:
    bare, asked = tmp_path / "bare", tmp_path / "asked"
    for path, more in ((bare, []), (asked, words)):
        assert run(["deploy", str(model), "--target", target, "--output", str(path), *more]) is ExitCode.OK
    assert said in asked.read_text() and said not in bare.read_text()
