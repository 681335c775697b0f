"""Named GPUs, and the one that is here: how much memory they have and which numbers they compute with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from forgelm.base.errors import ArgumentError
from forgelm.base.extras import load_extra
from forgelm.model.hardware import Hardware

GB = 1 << 30


@dataclass(frozen=True)
class Gpu:
    """A GPU, or the processor. ``available_gb`` (2^30 bytes) is what a process can have; ``hypothetical``: not here."""

    name: str
    available_gb: float
    bf16: bool = True
    hypothetical: bool = True
    device: str = "cuda"

    @property
    def hardware(self) -> Hardware:
        if self.device != "cuda":
            return Hardware(self.device, bf16=False, fp16=False)
        return Hardware("cuda", bf16=self.bf16, fp16=True, gpu_names=(self.name,))


# What CUDA offers of an empty card, a little under what is printed on the box (error correction, the driver's part).
_SIZES = (
    *(("b200-180gb", 178.0, True), ("h200-141gb", 139.8, True), ("gh200-96gb", 94.5, True)),
    *(("h100-80gb", 79.1, True), ("h100-94gb", 93.1, True)),
    *(("a100-80gb", 79.1, True), ("a100-40gb", 39.4, True), ("a40-48gb", 44.4, True), ("a30-24gb", 23.5, True)),
    *(("a10g-24gb", 22.1, True), ("a10-24gb", 22.1, True), ("l40s-48gb", 44.4, True), ("l40-48gb", 44.4, True)),
    *(("l4-24gb", 22.0, True), ("rtx-6000-ada-48gb", 47.4, True), ("rtx-a6000-48gb", 47.4, True)),
    *(("rtx-5090-32gb", 31.3, True), ("rtx-4090-24gb", 23.5, True), ("rtx-3090-24gb", 23.6, True)),
    *(("rtx-4080-16gb", 15.6, True), ("rtx-4070-12gb", 11.6, True), ("rtx-3060-12gb", 11.6, True)),
    *(("v100-32gb", 31.7, False), ("v100-16gb", 15.8, False), ("t4-16gb", 14.6, False), ("p100-16gb", 15.9, False)),
)
GPUS = MappingProxyType({name: Gpu(name, size, bf16) for name, size, bf16 in _SIZES})


def find_gpu(name: str) -> Gpu:
    """Return the GPU of this name; ``h100`` is enough where only one size, or the first of several, is meant.

    Raises:
        ArgumentError: there is none of that name in the table.
    """
    wanted = "-".join(name.lower().replace("_", "-").split())
    for known, gpu in GPUS.items():
        if known == wanted or known.startswith(f"{wanted}-"):
            return gpu
    near = get_close_matches(wanted, GPUS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ArgumentError(f"there is no GPU named {name!r} here", hint=f"{hint}known: {', '.join(sorted(GPUS))}")


def any_gpu(vram_gb: float) -> Gpu:
    """Return a GPU of which only the memory is known: ``vram_gb`` (2^30 bytes), all of it to be had.

    Raises:
        ArgumentError: the size is not above 0.
    """
    if not vram_gb > 0:
        raise ArgumentError(f"a GPU has more than {vram_gb:g} GB of memory")
    return Gpu(f"{vram_gb:g} GB", vram_gb)


def current_gpu() -> Gpu | None:
    """Return the first GPU of this machine with its free memory, or ``None``."""
    torch = load_extra("torch", extra="train")
    if not torch.cuda.is_available():
        return None
    free, _ = torch.cuda.mem_get_info(0)
    bf16 = bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return Gpu(torch.cuda.get_device_name(0), free / GB, bf16, hypothetical=False)


def processor() -> Gpu:
    """Return this machine's processor with its memory, for where there is no GPU."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 8 * GB
    return Gpu("the processor", pages / GB, bf16=False, hypothetical=False, device="cpu")
