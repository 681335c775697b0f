"""Switches the libraries to operations that give the same bits each time, for as long as a training lasts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

from forgelm.base.extras import load_extra

Determinism = Literal["bitwise", "seeded", "off"]
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextlib.contextmanager
def determinism(level: Determinism) -> Iterator[None]:
    """Within the block, under ``bitwise``, let torch refuse every operation that may add numbers in varying order.

    ``seeded`` and ``off`` change nothing here: what they differ in is whether each step is seeded (``quiet.py``).
    """
    if level != "bitwise":
        yield
        return
    torch = load_extra("torch", extra="train")
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    # cuBLAS reads it when the first matrix product creates its handle.
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
        if workspace is None:
            del os.environ[_WORKSPACE]
