"""What a run used: on a GPU with its price where the price is known, on a CPU with no word about GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import computed

from forgelm.config.root import ForgeConfig
from forgelm.data.batching import choose_batching
from forgelm.model.hardware import Hardware
from forgelm.run.resources import USD_PER_HOUR, measure_resources
from forgelm.train.loop import Outcome
from forgelm.train.token_ledger import TokenLedger

CPU = Hardware("cpu", bf16=False, fp16=False)
GPU_WORDS = ("gpu", "cost", "vram", "usd")


def config(**training: Any) -> ForgeConfig:
    return ForgeConfig(
        model={"name_or_path": "builtin/ember"},
        lora={},
        training=training,
        data={"dataset_name_or_path": "rows.jsonl"},
    )


def outcome(seconds: float = 1800.0, peak_vram_gb: float | None = None) -> Outcome:
    return Outcome(
        staging=Path("staging"),
        steps=10,
        train_loss=1.0,
        seconds=seconds,
        resumed_from=None,
        keeps_best=False,
        train_ledger=TokenLedger(rows=4, tokens=400, target_tokens=100),
        validation_ledger=None,
        probe=(),
        base_logits=[],
        trained_logits=[],
        compute=computed(),
        batching=choose_batching([], 1),
        peak_vram_gb=peak_vram_gb,
    )


def gpus(*names: str) -> Hardware:
    return Hardware("cuda", bf16=True, fp16=True, gpu_names=names)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_without_a_gpu_nothing_about_gpus_is_invented(device: str) -> None:
    resources = measure_resources(config(gpu_cost_per_hour=3.0), Hardware(device, bf16=True, fp16=True), outcome())
    assert resources == {
        "device": device,
        "training_duration_seconds": 1800.0,
        "tokens_per_epoch": 400,
        "target_tokens_per_epoch": 100,
    }
    assert [key for key in resources if any(word in key for word in GPU_WORDS)] == []


def test_a_known_gpu_is_priced_from_the_table() -> None:
    resources = measure_resources(config(), gpus("NVIDIA L4", "NVIDIA L4"), outcome(1800.0, 12.5))
    assert resources["gpu_model"] == "NVIDIA L4"
    assert resources["gpu_count"] == 2
    assert resources["gpu_hours"] == 1.0
    assert resources["peak_vram_gb"] == 12.5
    assert resources["cost_source"] == "auto_detected"
    assert resources["estimated_cost_usd"] == resources["gpu_cost_per_hour_usd"] == USD_PER_HOUR["NVIDIA L4"]


@pytest.mark.parametrize("name", ["NVIDIA L40", "NVIDIA L4 ", "nvidia l4", "L4", "NVIDIA A100", "NVIDIA H100", ""])
def test_a_name_that_is_only_like_a_known_one_has_no_price(name: str) -> None:
    resources = measure_resources(config(), gpus(name), outcome())
    assert resources["gpu_model"] == name
    assert [key for key in resources if "cost" in key] == []


def test_the_users_price_wins_and_zero_is_a_price() -> None:
    for price in (7.0, 0.0):
        resources = measure_resources(config(gpu_cost_per_hour=price), gpus("NVIDIA L4"), outcome(3600.0))
        assert resources["cost_source"] == "user_config"
        assert resources["estimated_cost_usd"] == price
    unknown = measure_resources(config(gpu_cost_per_hour=7.0), gpus("Some GPU"), outcome(3600.0))
    assert unknown["estimated_cost_usd"] == 7.0


def test_two_kinds_of_gpu_are_not_priced_as_one() -> None:
    mixed = gpus("NVIDIA L4", "NVIDIA H200")
    assert "estimated_cost_usd" not in measure_resources(config(), mixed, outcome())
    assert measure_resources(config(gpu_cost_per_hour=1.0), mixed, outcome(3600.0))["estimated_cost_usd"] == 2.0


def test_the_prices_are_positive_and_the_table_cannot_be_changed() -> None:
    assert min(USD_PER_HOUR.values()) > 0
    with pytest.raises(TypeError):
        USD_PER_HOUR["NVIDIA L4"] = 0.0
