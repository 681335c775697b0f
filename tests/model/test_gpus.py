from __future__ import annotations

import pytest

from forgelm.base.errors import ArgumentError
from forgelm.model.gpus import GPUS, any_gpu, current_gpu, find_gpu


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("h100-80gb", "h100-80gb"),
        ("H100", "h100-80gb"),
        ("RTX 4090", "rtx-4090-24gb"),
        ("a100_40gb", "a100-40gb"),
        ("t4", "t4-16gb"),
    ],
)
def test_names_are_found_however_they_are_written(written: str, meant: str) -> None:
    assert find_gpu(written).name == meant


@pytest.mark.parametrize("wrong", ["", "h1000", "-", "gpu"])
def test_other_names_are_refused(wrong: str) -> None:
    with pytest.raises(ArgumentError):
        find_gpu(wrong)


def test_no_card_offers_more_than_its_name_says() -> None:
    for name, gpu in GPUS.items():
        printed = float(name.rpartition("-")[2].removesuffix("gb"))
        assert 0.9 * printed < gpu.available_gb <= printed


def test_old_cards_compute_in_float16_only() -> None:
    assert not find_gpu("t4").hardware.bf16
    assert find_gpu("h100").hardware.bf16
    assert find_gpu("h100").hardware.has_gpu


def test_a_size_alone_is_enough() -> None:
    assert any_gpu(24).available_gb == 24
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ArgumentError):
            any_gpu(wrong)


def test_here_is_what_torch_sees() -> None:
    import torch

    here = current_gpu()
    assert (here is None) == (not torch.cuda.is_available())
