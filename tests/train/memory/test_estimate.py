from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import Heard

from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare
from forgelm.model.architecture import TYPICAL, build_typical, read_model_shapes
from forgelm.model.gpus import find_gpu
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.loop import train
from forgelm.train.memory.estimate import (
    Batch,
    Estimate,
    Place,
    as_breakdown,
    choose_shares,
    estimate_memory,
    largest_batch,
    widen,
)
from forgelm.train.memory.watch import watch_peak
from forgelm.train.tokenised import tokenise_data

MODEL = build_typical(TYPICAL[8.0])
H100 = Place(find_gpu("h100").hardware)


def config(**changes: Any) -> ForgeConfig:
    return ForgeConfig(
        model={"name_or_path": "x", "load_in_4bit": False, **changes.pop("model", {})},
        lora=changes.pop("lora", {"r": 16, "target_modules": "all-linear", "dropout": 0.0}),
        training=changes.pop("training", {}),
        data={"dataset_name_or_path": "x"},
        **changes,
    )


def estimate(**changes: Any) -> Estimate:
    return estimate_memory(MODEL, config(**changes), H100)


@pytest.mark.parametrize("lora", [None, {"r": 8, "target_modules": "all-linear", "dropout": 0.0}])
def test_the_peak_of_a_real_training_is_the_estimated_one(
    make_config: Callable[..., ForgeConfig], tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    wanted = make_config(
        model={"max_length": 64}, lora=lora, training={"max_steps": 2, "per_device_train_batch_size": 16}
    )
    wanted = wanted.replace("training.gradient_accumulation_steps", 2)
    loaded = load(wanted)
    data = tokenise_data(wanted, prepare(wanted.data, seed=1), loaded.tokenizer)
    with watch_peak(loaded.model, on_gpu=False) as peak:
        train(wanted, data, loaded, run_files(wanted), run_id="x", emit=Heard())
    longest = max(len(example.input_ids) for example in data.train.examples)
    found = estimate_memory(
        read_model_shapes(wanted), wanted, Place(detect_hardware()), batch=Batch(16, longest, ragged=True)
    )
    moments = {name: size for name, size in found.moments.items() if name != "evaluation"}
    assert max(moments.values()) == pytest.approx(peak.bytes, rel=0.10)


def test_rows_lie_in_one_line_where_trl_lays_them_so_and_else_fill_at_most_their_padded_lines() -> None:
    joined, packed = {"padding_free": True, "per_device_train_batch_size": 4}, {"packing": True}
    flash = {"attn_implementation": "flash_attention_2", "max_length": 100}
    assert largest_batch(config(training=joined, model={"max_length": 100})) == Batch(4, 100, ragged=True)
    assert largest_batch(config(training=joined, model=flash)) == Batch(1, 400, ragged=True)
    assert largest_batch(config(training=packed, model={"max_length": 100})) == Batch(1, 400, ragged=True)
    assert widen(config(training=joined), Batch(3, 50, ragged=True)) == Batch(3, 50, ragged=True)
    assert widen(config(training=joined, model=flash), Batch(3, 50, ragged=True)) == Batch(1, 150, ragged=True)


def test_parts_add_up_to_the_highest_moment() -> None:
    for training in ({}, {"trainer_type": "grpo", "grpo_beta": 0.1}, {"trainer_type": "dpo"}, {"trainer_type": "orpo"}):
        found = estimate(training=training)
        assert sum(found.parts.values()) == pytest.approx(found.total)
        assert found.total == max(found.moments.values())
        assert found.allocated < found.total


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"model": {"max_length": 1024}}, {"model": {"max_length": 4096}}),
        ({"training": {"per_device_train_batch_size": 1}}, {"training": {"per_device_train_batch_size": 8}}),
        ({"training": {"gradient_checkpointing": True}}, {"training": {"gradient_checkpointing": False}}),
        ({"model": {"load_in_4bit": True}}, {"model": {"load_in_4bit": False}}),
        ({"lora": {"r": 8}}, {"lora": {"r": 256}}),
        ({"lora": {"r": 8}}, {"lora": None}),
        ({"lora": None, "training": {"optim": "adamw_8bit"}}, {"lora": None, "training": {"optim": "adamw_torch"}}),
        ({"lora": None, "training": {"optim": "adafactor"}}, {"lora": None, "training": {"optim": "ademamix"}}),
        ({"training": {"trainer_type": "sft"}}, {"training": {"trainer_type": "dpo"}}),
        ({"training": {"trainer_type": "dpo"}}, {"training": {"trainer_type": "orpo"}}),
        (
            {"model": {"attn_implementation": "sdpa"}, "training": {"gradient_checkpointing": False}},
            {"model": {"attn_implementation": "eager"}, "training": {"gradient_checkpointing": False}},
        ),
    ],
)
def test_what_takes_more_is_estimated_higher(less: dict[str, Any], more: dict[str, Any]) -> None:
    def of(changes: dict[str, Any]) -> float:
        attention = changes.get("model", {}).get("attn_implementation", "sdpa")
        shapes = build_typical(TYPICAL[8.0])
        object.__setattr__(shapes, "attention", attention)
        return estimate_memory(shapes, config(**changes), H100).total

    assert of(less) < of(more)


def test_only_a_copy_that_is_loaded_counts_as_a_reference() -> None:
    def reference(lora: dict[str, Any] | None, gpus: int = 1, **training: Any) -> float:
        place = replace(H100, gpus=gpus)
        return estimate_memory(MODEL, config(lora=lora, training=training), place).parts.get("reference_model", 0.0)

    assert reference({}, trainer_type="dpo") == 0
    assert reference(None, trainer_type="dpo", num_train_epochs=1) == MODEL.parameters * 4
    assert reference(None, trainer_type="dpo", num_train_epochs=3) == 0
    assert reference(None, gpus=2, trainer_type="dpo", num_train_epochs=3) == MODEL.parameters * 4
    assert reference(None, trainer_type="dpo", num_train_epochs=1, precompute_ref_log_probs=True) == 0
    assert reference(None, trainer_type="grpo") == 0
    assert reference(None, trainer_type="sft") == 0


def test_replies_that_are_drawn_are_kept_with_their_keys_and_values() -> None:
    found = estimate(training={"trainer_type": "grpo", "grpo_max_completion_length": 512})
    assert "drawing replies" in found.moments
    assert "evaluation" not in found.moments


@pytest.mark.parametrize(
    ("distributed", "weights", "gradients", "optimizer"),
    [
        (None, 1, 2, 1),
        ({"strategy": "fsdp"}, 0.25, 0.25, 0.25),
        ({"strategy": "fsdp", "fsdp_strategy": "shard_grad_op"}, 1, 0.25, 0.25),
        ({"strategy": "fsdp", "fsdp_offload": True}, 0, 0, 0),
        ({"strategy": "deepspeed"}, 1, 0.25, 0.25),
        ({"strategy": "deepspeed", "deepspeed_config": "zero3"}, 0.25, 0.25, 0.25),
        ({"strategy": "deepspeed", "deepspeed_config": "zero3_offload"}, 0, 0.25, 0),
    ],
)
def test_gpus_share_as_the_strategy_says(
    distributed: dict[str, Any] | None, weights: float, gradients: float, optimizer: float
) -> None:
    shares = choose_shares(config(distributed=distributed), 4)
    assert (shares.weights, shares.gradients, shares.optimizer) == (weights, gradients, optimizer)
    assert choose_shares(config(), 1).gradients == 1


def test_the_breakdown_says_what_was_really_quantised() -> None:
    assert as_breakdown(estimate(model={"load_in_4bit": True}), MODEL)["quant_scheme"] == "4bit"
    assert as_breakdown(estimate(), MODEL)["quant_scheme"] == "bfloat16"
    assert as_breakdown(estimate(lora=None), MODEL)["quant_scheme"] == "float32"
