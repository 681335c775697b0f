"""What the machine is said to have is what torch finds on it."""

from __future__ import annotations

import pytest
import torch

from forgelm.base.processes import Place
from forgelm.model.hardware import Hardware, detect_hardware, one_thread, read_torch, used_gpus


def test_the_device_is_one_torch_can_put_a_tensor_on() -> None:
    found = detect_hardware()
    assert torch.ones(2, device=found.device).sum().item() == 2
    assert found.has_gpu is torch.cuda.is_available()
    assert len(found.gpu_names) == (1 if found.has_gpu else 0)
    assert detect_hardware() == found


def test_the_build_is_torchs_own_word() -> None:
    found = read_torch()
    assert (found.version, found.cuda_version) == (torch.__version__, torch.version.cuda)
    assert found.cuda_available is torch.cuda.is_available()
    assert len(found.devices) == torch.cuda.device_count()


@pytest.mark.skipif(
    torch.cuda.is_available() or torch.backends.mps.is_available(), reason="needs a machine without GPU"
)
def test_a_cpu_trains_in_no_half_precision_but_bfloat16() -> None:
    found = detect_hardware()
    assert (found.device, found.fp16, found.gpu_names) == ("cpu", False, ())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_bfloat16_is_claimed_only_where_it_is_not_emulated() -> None:
    assert detect_hardware().bf16 is (torch.version.hip is not None or torch.cuda.get_device_capability()[0] >= 8)


@pytest.mark.parametrize(("device", "has_gpu"), [("cuda", True), ("mps", False), ("cpu", False)])
def test_only_cuda_counts_as_a_gpu(device: str, has_gpu: bool) -> None:
    assert Hardware(device, bf16=False, fp16=False).has_gpu is has_gpu


def test_one_thread_is_for_the_block_only() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_only_the_gpus_that_processes_train_on_are_counted() -> None:
    assert list(used_gpus(8, Place())) == [0]
    assert list(used_gpus(8, Place(9, 16, 1, 4))) == [0, 1, 2, 3]
    assert list(used_gpus(1, Place(0, 2, 0, 2))) == [0]
