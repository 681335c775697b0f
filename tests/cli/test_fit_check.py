from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.cli.main import run

YAML = """
model: {{name_or_path: {model}, max_length: 4096, offline: true, load_in_4bit: false}}
lora: {{r: 16, target_modules: all-linear}}
training: {{per_device_train_batch_size: 64}}
data: {{dataset_name_or_path: there_is_none.jsonl}}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "run.yaml"
    path.write_text(YAML.format(model="someone/llama-8b"))
    return str(path)


def test_an_answer_is_one_document_and_never_an_error(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--config", config, "--fit-check", "--gpu", "RTX 4090", "--output-format", "json"])
    reply = json.loads(capsys.readouterr().out)
    assert code == 0
    assert reply["verdict"] == "OOM"
    assert "success" not in reply
    assert reply["hypothetical"] is True
    assert reply["estimated_gb"] > reply["available_gb"] == 23.5
    assert reply["recommendations"]
    assert reply["changes"][0]["verdict"] == "FITS"
    assert set(reply) == {
        *("verdict", "estimated_gb", "available_gb", "hypothetical", "gpu"),
        *("breakdown", "recommendations", "changes", "notes"),
    }


def test_text_shows_the_parts_and_the_changes(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", config, "--fit-check", "--gpu", "l4"]) == 0
    text = capsys.readouterr().out
    assert "OOM" in text
    assert "base model" in text
    assert "training.per_device_train_batch_size: " in text


def test_more_gpus_share_what_is_sharded(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = []
    for options in ([], ["--gpus", "4"], ["--gpus", "4", "--set", "distributed.strategy=fsdp"]):
        assert run(["--config", config, "--fit-check", "--gpu", "h100", "--output-format", "json", *options]) == 0
        sizes.append(json.loads(capsys.readouterr().out)["breakdown"])
    alone, copied, sharded = sizes
    assert copied["base_model_gb"] == alone["base_model_gb"]
    assert copied["gradients_gb"] > alone["gradients_gb"]
    assert sharded["base_model_gb"] == pytest.approx(alone["base_model_gb"] / 4, abs=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fit-check", "--gpu", "h1000"], "did you mean"),
        (["--fit-check", "--dry-run"], "exclude one another"),
        (["--fit-check", "--merge"], "exclude one another"),
        (["--gpu", "h100"], "--fit-check"),
        (["--fit-check", "--gpus", "0"], "--gpus"),
        (["--fit-check", "--gpu", "t4", "--set", "training.bf16=true"], "bf16"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    config: str, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--config", config, *options]) == 1
    assert said in capsys.readouterr().err


def test_a_folder_without_a_configuration_is_a_mistake(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["--config", config, "--fit-check", "--set", f"model.name_or_path={tmp_path / 'empty'}"]) == 1
    assert "config.json" in capsys.readouterr().err
