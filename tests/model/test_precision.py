"""In which numbers a model is loaded and trained: every machine against every wish, no GPU needed to say it."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ModelError
from forgelm.config.model import ModelConfig
from forgelm.config.training import TrainingConfig
from forgelm.model.hardware import Hardware
from forgelm.model.precision import Precision, choose_precision

MACHINES = {
    "new gpu": Hardware("cuda", bf16=True, fp16=True, gpu_names=("NVIDIA L4",)),
    "old gpu": Hardware("cuda", bf16=False, fp16=True, gpu_names=("Tesla T4",)),
    "mac": Hardware("mps", bf16=True, fp16=True),
    "cpu": Hardware("cpu", bf16=True, fp16=False),
    "old cpu": Hardware("cpu", bf16=False, fp16=False),
}


def choose(
    machine: str,
    *,
    full_finetune: bool = False,
    bitsandbytes: bool = True,
    load_in_4bit: bool | None = False,
    **more: Any,
) -> Precision:
    """Choose for ``machine``; ``load_in_4bit=None`` leaves the switch at its default, unsaid."""
    compute = {name: more.pop(name) for name in ("bnb_4bit_compute_dtype", "dtype") if name in more}
    said = {} if load_in_4bit is None else {"load_in_4bit": load_in_4bit}
    return choose_precision(
        ModelConfig(name_or_path="base", **said, **compute),
        TrainingConfig(**more),
        MACHINES[machine],
        full_finetune=full_finetune,
        bitsandbytes=bitsandbytes,
    )


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("full", [False, True])
def test_a_load_type_the_user_names_is_taken(machine: str, full: bool) -> None:
    for dtype in ("float32", "float16", "bfloat16"):
        assert choose(machine, full_finetune=full, dtype=dtype).load_dtype == dtype


@pytest.mark.parametrize(
    ("machine", "training", "autocast", "load_dtype"),
    [
        ("new gpu", {}, "bf16", "bfloat16"),
        ("new gpu", {"bf16": True}, "bf16", "bfloat16"),
        ("new gpu", {"fp16": True}, "fp16", "float16"),
        ("new gpu", {"bf16": False}, None, "float32"),
        ("new gpu", {"fp16": False}, "bf16", "bfloat16"),
        ("new gpu", {"bf16": False, "fp16": False}, None, "float32"),
        ("new gpu", {"bf16": False, "fp16": True}, "fp16", "float16"),
        ("old gpu", {}, "fp16", "float16"),
        ("old gpu", {"fp16": True}, "fp16", "float16"),
        ("old gpu", {"bf16": False}, "fp16", "float16"),
        ("old gpu", {"fp16": False}, None, "float32"),
        ("mac", {}, None, "float32"),
        ("mac", {"bf16": True}, "bf16", "float32"),
        ("mac", {"fp16": True}, "fp16", "float32"),
        ("cpu", {}, None, "float32"),
        ("cpu", {"bf16": True}, "bf16", "float32"),
        ("cpu", {"bf16": False, "fp16": False}, None, "float32"),
        ("old cpu", {}, None, "float32"),
    ],
)
def test_autocast_and_load_type(machine: str, training: dict[str, bool], autocast: str | None, load_dtype: str) -> None:
    precision = choose(machine, **training)
    assert (precision.autocast, precision.load_dtype) == (autocast, load_dtype)
    assert precision.notes == ()
    assert not precision.four_bit


@pytest.mark.parametrize(
    ("machine", "name"), [("old gpu", "bf16"), ("old cpu", "bf16"), ("cpu", "fp16"), ("old cpu", "fp16")]
)
def test_what_was_asked_for_and_is_not_there_is_refused(machine: str, name: str) -> None:
    with pytest.raises(ModelError, match=rf"training\.{name} is true.*cannot train in {name}") as caught:
        choose(machine, **{name: True})
    assert caught.value.hint is not None


@pytest.mark.parametrize("machine", MACHINES)
def test_weights_that_all_learn_are_kept_in_full_precision(machine: str) -> None:
    precision = choose(machine, full_finetune=True, load_in_4bit=None)
    assert precision.load_dtype == "float32"
    assert (precision.four_bit, precision.notes) == (False, ())


@pytest.mark.parametrize(
    ("machine", "bitsandbytes", "said", "four_bit", "note"),
    [
        ("new gpu", True, None, True, None),
        ("new gpu", True, True, True, None),
        ("new gpu", True, False, False, None),
        ("new gpu", False, None, False, "bitsandbytes is not installed"),
        ("new gpu", False, False, False, None),
        ("cpu", True, None, False, "there is no CUDA GPU"),
        ("cpu", True, True, True, None),
        ("mac", True, None, False, "there is no CUDA GPU"),
        ("cpu", False, None, False, "bitsandbytes is not installed"),
    ],
)
def test_four_bits(machine: str, bitsandbytes: bool, said: bool | None, four_bit: bool, note: str | None) -> None:
    precision = choose(machine, bitsandbytes=bitsandbytes, load_in_4bit=said)
    assert precision.four_bit is four_bit
    assert bool(precision.notes) is bool(note)
    assert (note or "") in "".join(precision.notes)


@pytest.mark.parametrize("machine", ["new gpu", "cpu"])
def test_four_bits_asked_for_without_the_package_are_refused(machine: str) -> None:
    with pytest.raises(ModelError, match="bitsandbytes is not installed") as caught:
        choose(machine, bitsandbytes=False, load_in_4bit=True)
    assert caught.value.hint is not None
    assert "forgelm[qlora]" in caught.value.hint


@pytest.mark.parametrize(
    ("machine", "asked", "used"),
    [
        ("new gpu", "auto", "bfloat16"),
        ("old gpu", "auto", "float16"),
        ("cpu", "auto", "float32"),
        ("new gpu", "bf16", "bfloat16"),
        ("new gpu", "fp16", "float16"),
        ("new gpu", "fp32", "float32"),
        ("new gpu", "float16", "float16"),
        ("old gpu", "float32", "float32"),
    ],
)
def test_the_type_of_products_over_four_bit_weights(machine: str, asked: str, used: str) -> None:
    precision = choose(machine, load_in_4bit=True, bnb_4bit_compute_dtype=asked)
    assert precision.compute_dtype == used


def test_every_type_has_a_name_torch_knows() -> None:
    import torch

    for machine in MACHINES:
        precision = choose(machine)
        assert isinstance(getattr(torch, precision.load_dtype), torch.dtype)
        assert isinstance(getattr(torch, precision.compute_dtype), torch.dtype)
