"""Recommending: the page's table row by row, sizes without a network, and a configuration that trains as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ember_model, order_rows, write_rows

from finetune_cli.cli.main import run
from finetune_cli.core.config import PipelineConfig
from finetune_cli.core.exceptions import ModelLoadError, ModelNotFoundError
from finetune_cli.models.recommend import build_pipeline, count_millions, recommend_method, spelt_count

Capture = pytest.CaptureFixture[str]

# Parameters in millions, GB; then method, rank, gradient checkpointing: the page's rows, from both sides of each bound.
TABLE = [
    (7001, 0, "qlora", 16, True),
    (7001, 80, "qlora", 16, True),
    (7000, 16, "lora", 16, False),
    (1001, 16, "lora", 16, False),
    (1001, 15.9, "qlora", 8, True),
    (1000, 8, "lora", 8, False),
    (301, 8, "lora", 8, False),
    (301, 7.9, "lora", 4, False),
    (300, 4, "lora", 8, False),
    (1, 4, "lora", 8, False),
    (300, 3.9, "full_finetuning", None, False),
]


@pytest.mark.parametrize(("millions", "vram", "method", "rank", "checkpointing"), TABLE)
def test_the_pages_table(millions: float, vram: float, method: str, rank: int | None, checkpointing: bool) -> None:
    found = recommend_method("m", millions, vram)
    assert (found.method, found.r, found.gradient_checkpointing) == (method, rank, checkpointing)
    config = build_pipeline(found, None)
    assert config.training.method == method and config.model.load_in_4bit == (method == "qlora")
    assert (config.lora.r if config.lora else None) == rank
    if config.lora:
        assert config.lora.lora_alpha == 2 * config.lora.r
    assert config.training.batch_size * config.training.gradient_accumulation_steps in (16, 2 * 8)
    assert config.training.fp16 == (config.model.torch_dtype == "float16")
    assert vram > 0 or not config.training.fp16, "half precision needs a GPU"


@pytest.mark.parametrize(
    ("text", "millions"),
    [("7B", 7000.0), ("1.5b", 1500.0), ("124M", 124.0), ("900k", 0.9), ("gpt2", None), ("7", None)],
)
def test_sizes_that_are_spelt(text: str, millions: float | None) -> None:
    assert spelt_count(text) == millions


def test_a_local_model_is_counted_without_its_weights(tmp_path: Path) -> None:
    wanted = ember_model().num_parameters() / 1e6
    assert count_millions("builtin/ember") == wanted
    ember_model().config.save_pretrained(str(tmp_path / "model"))
    assert count_millions(str(tmp_path / "model")) == wanted
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelNotFoundError, match="an adapter"):
        count_millions(str(tmp_path))
    with pytest.raises(ModelLoadError, match="org/absent"):
        count_millions("org/absent")


def test_what_is_written_trains_as_it_is(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = write_rows(tmp_path / "rows.jsonl", order_rows(24))
    assert run(["recommend", "builtin/ember", "--vram", "8", "-d", str(rows), "-o", "my.yaml", "--json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["method"], reply["r"], reply["vram_gb"]) == ("lora", 8, 8.0)
    written = PipelineConfig.from_yaml("my.yaml")
    assert written.to_dict() == reply["config"]
    assert run(["train", "--config", "my.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["success"]
    assert run(["recommend", "builtin/ember", "--output", "my.yaml"]) == 1
    assert "exists already" in capsys.readouterr().err


def test_without_a_file_the_configuration_is_printed(capsys: Capture) -> None:
    assert run(["recommend", "builtin/ember", "--vram", "0"]) == 0
    shown = capsys.readouterr().out
    assert "full_finetuning" in shown
    found: dict[str, Any] = yaml.safe_load(shown.partition("\n\n")[2])
    assert found["training"]["method"] == "full_finetuning" and found["lora"] is None
    assert run(["recommend", "13B", "--vram", "24"]) == 0
    assert "qlora, r=16" in capsys.readouterr().out
    assert run(["recommend", "13B", "--output", "x.yaml"]) == 1
    assert "name the model itself" in capsys.readouterr().err
    assert run(["recommend", "builtin/ember", "--vram", "-1"]) == 2


@pytest.mark.parametrize(
    ("model", "vram", "verdict"),
    [("7B", 80.0, "FITS"), ("13B", 6.0, "OOM"), ("builtin/ember", 24.0, "FITS"), ("900k", 0.0, "UNKNOWN")],
)
def test_the_engines_estimate_stands_beside_the_table(model: str, vram: float, verdict: str, capsys: Capture) -> None:
    assert run(["recommend", model, "--vram", str(vram), "--json"]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    assert memory["verdict"] == verdict
    assert memory["estimated_gb"] > 0
    assert run(["recommend", model, "--vram", str(vram)]) == 0
    assert f"GB estimated: {verdict}" in capsys.readouterr().out
