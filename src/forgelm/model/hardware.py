"""Looks at the machine once and says what it can compute with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from forgelm.base.extras import load_extra
from forgelm.base.processes import Place, read_place


@dataclass(frozen=True)
class Hardware:
    """What is used here. ``device`` is torch's name: ``cuda``, ``mps`` or ``cpu``; ``gpu_names`` are this machine's."""

    device: str
    bf16: bool
    fp16: bool
    gpu_names: tuple[str, ...] = ()

    @property
    def has_gpu(self) -> bool:
        return self.device == "cuda"


def detect_hardware() -> Hardware:
    """Return what torch can use on this machine."""
    torch = load_extra("torch", extra="train")
    if torch.cuda.is_available():
        names = tuple(torch.cuda.get_device_name(index) for index in used_gpus(torch.cuda.device_count(), read_place()))
        return Hardware(
            "cuda", bf16=torch.cuda.is_bf16_supported(including_emulation=False), fp16=True, gpu_names=names
        )
    if torch.backends.mps.is_available():
        return Hardware("mps", bf16=True, fp16=True)
    return Hardware("cpu", bf16=bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()), fp16=False)


@dataclass(frozen=True)
class TorchBuild:
    """The torch that is installed; without CUDA ``cuda_version`` is ``None``. Devices: name and bytes of memory."""

    version: str
    cuda_version: str | None
    cuda_available: bool
    devices: tuple[tuple[str, int], ...] = ()


def read_torch() -> TorchBuild:
    """Return which torch loads here and every GPU it sees.

    Raises:
        OptionalDependencyError: torch is not installed or does not load.
        OSError: one of its libraries cannot be loaded.
    """
    torch = load_extra("torch", extra="train")
    there = bool(torch.cuda.is_available())
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count() if there else 0)]
    devices = tuple((str(device.name), int(device.total_memory)) for device in found)
    return TorchBuild(str(torch.__version__), torch.version.cuda, there, devices)


def used_gpus(count: int, place: Place) -> range:
    """Return which of ``count`` GPUs the processes of this machine train on: one each, whatever else is there."""
    return range(min(count, place.here))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one CPU thread inside the block: threads waiting for each other cost a tiny model more than they give.

    On a busy machine two threads made a run of the bundled model several times slower than one.
    """
    torch = load_extra("torch", extra="train")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
