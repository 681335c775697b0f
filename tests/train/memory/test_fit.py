from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from forgelm.config.root import ForgeConfig
from forgelm.model.architecture import TYPICAL, build_typical
from forgelm.model.gpus import GPUS, any_gpu, find_gpu
from forgelm.train.memory.estimate import GB, estimate_memory
from forgelm.train.memory.fit import apply_changes, check_fit, decide_fit, judge_fit, place_of

MODEL = build_typical(TYPICAL[8.0])


def config(*, lora: dict[str, Any] | None = None, full: bool = False, **changes: Any) -> ForgeConfig:
    return ForgeConfig(
        model={"name_or_path": "builtin/ember", "max_length": 4096, "load_in_4bit": False, **changes.pop("model", {})},
        lora=None if full else {"r": 16, "target_modules": "all-linear", **(lora or {})},
        training={"per_device_train_batch_size": 8, **changes.pop("training", {})},
        data={"dataset_name_or_path": "x"},
        **changes,
    )


@pytest.mark.parametrize(
    ("estimated", "verdict"),
    [(0.0, "FITS"), (8.5, "FITS"), (8.51, "TIGHT"), (9.5, "TIGHT"), (9.51, "OOM"), (99.0, "OOM")],
)
def test_the_verdict_follows_the_share(estimated: float, verdict: str) -> None:
    assert decide_fit(estimated, any_gpu(10.0)) == verdict
    assert decide_fit(estimated, None) == "UNKNOWN"
    assert decide_fit(estimated, any_gpu(10.0), guessed=True) == "UNKNOWN"


@pytest.mark.parametrize("gpu", ["h100-80gb", "rtx-4090-24gb", "l4-24gb"])
@pytest.mark.parametrize("full", [False, True])
def test_every_change_is_one_that_really_makes_it_fit(gpu: str, full: bool) -> None:
    before = config(full=full)
    found = judge_fit(MODEL, before, find_gpu(gpu))
    assert (found.verdict == "FITS") == (not found.changes)
    for change in found.changes:
        changed = apply_changes(before, change.fields)
        assert changed is not None
        again = estimate_memory(MODEL, changed, place_of(GPUS[gpu]))
        assert again.total / GB == change.estimated_gb <= 0.85 * GPUS[gpu].available_gb
        if full:
            continue
        rows = changed.training.per_device_train_batch_size * changed.training.gradient_accumulation_steps
        assert rows == before.training.per_device_train_batch_size * before.training.gradient_accumulation_steps


def test_what_no_setting_can_help_is_said() -> None:
    found = judge_fit(build_typical(TYPICAL[70.6]), config(), any_gpu(8))
    assert found.verdict == "OOM"
    assert found.changes == ()


def test_the_bundled_model_is_read_and_without_a_gpu_nothing_is_promised() -> None:
    found = check_fit(config())
    assert found.architecture.note is None
    record = found.as_record()
    assert record["verdict"] == "UNKNOWN"
    assert record["available_gb"] is None
    assert record["hypothetical"] is True
    assert any("--gpu" in note for note in record["notes"])


def test_the_breakdown_adds_up_under_the_contracts_names() -> None:
    record = judge_fit(MODEL, config(), find_gpu("h100")).as_record()
    breakdown = record["breakdown"]
    parts = [size for name, size in breakdown.items() if name.endswith("_gb") and isinstance(size, float)]
    assert sum(parts) - breakdown["total_estimated_gb"] == pytest.approx(breakdown["total_estimated_gb"], abs=0.01)
    for name in ("base_model_gb", "lora_adapter_gb", "optimizer_state_gb", "activations_gb"):
        assert name in breakdown
    assert breakdown["estimated_param_count_b"] == pytest.approx(8.03, abs=0.01)


def test_a_model_of_which_nothing_is_known_is_unknown_whatever_the_gpu() -> None:
    nothing = config(model={"name_or_path": "someone/mystery", "offline": True})
    found = check_fit(nothing, find_gpu("h100"))
    assert found.verdict == "UNKNOWN"
    assert any("its name says no size" in note for note in found.notes)
    sized = check_fit(nothing.replace("model.name_or_path", "someone/mystery-3b"), find_gpu("h100"))
    assert sized.verdict == "FITS"
    assert sized.architecture.parameters == pytest.approx(3.2e9, rel=0.05)


def test_a_merge_at_the_end_counts() -> None:
    merging = replace_training(config(model={"load_in_4bit": True}), merge_adapters=True)
    found = judge_fit(MODEL, replace_training(merging, per_device_train_batch_size=1), find_gpu("rtx-4090"))
    assert found.estimate.peak == "merging the adapter"
    assert any("merge_adapters: false" in str(change) for change in found.changes)


def replace_training(config: ForgeConfig, **fields: Any) -> ForgeConfig:
    for name, value in fields.items():
        config = config.replace(f"training.{name}", value)
    return config


def test_records_are_frozen() -> None:
    found = judge_fit(MODEL, config(), None)
    assert replace(found, notes=()).notes == ()
