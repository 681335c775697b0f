"""A matrix to the bytes of one of ggml's tensor types, in stretches of rows shared out over the cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.evidence.hashing import usable_cores
from forgelm.publish.gguf.kquants import BLOCK, QUANTISERS, quantise_blocks
from forgelm.publish.gguf.types import PACKINGS

_STRETCH = 1 << 19
_KINDS = MappingProxyType({packing.name: (number, packing) for number, packing in PACKINGS.items()})


def quantise(values: Any, kind: str) -> Any:
    """Return ``values`` (float32, rows by columns, or a vector) as an array of the bytes that ``kind`` packs them in.

    Raises:
        ValueError: the rows cannot be packed: their length is no multiple of the block.
    """
    np = load_extra("numpy", extra="export")
    if kind in ("F32", "F16"):
        return np.ascontiguousarray(values, dtype={"F32": "<f4", "F16": "<f2"}[kind])
    packing = _KINDS[kind][1]
    if values.ndim != 2 or values.shape[1] % packing.numbers:
        raise ValueError(f"{kind} packs {packing.numbers} numbers at a time, and the shape is {values.shape}")
    rows = max(1, _STRETCH // values.shape[1])
    stretches = [values[start : start + rows] for start in range(0, len(values), rows)]
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        done = list(pool.map(lambda stretch: _quantise_rows(stretch, kind), stretches))
    return np.concatenate(done)


def kind_number(kind: str) -> int:
    """Return the number that stands for ``kind`` in a file."""
    return _KINDS[kind][0]


def packed_size(shape: tuple[int, ...], kind: str) -> int:
    """Return how many bytes a tensor of ``shape`` takes as ``kind``."""
    packing = _KINDS[kind][1]
    numbers = 1
    for length in shape:
        numbers *= length
    return numbers // packing.numbers * packing.size


def _quantise_rows(rows: Any, kind: str) -> Any:
    np = load_extra("numpy", extra="export")
    if kind in QUANTISERS:
        blocks = np.ascontiguousarray(rows, dtype="f4").reshape(-1, BLOCK)
        return quantise_blocks(blocks, kind).reshape(len(rows), -1)
    quants = load_extra("gguf", extra="export").quants
    return quants.quantize(np.ascontiguousarray(rows), _enum(kind))


def _enum(kind: str) -> Any:
    return load_extra("gguf", extra="export").GGMLQuantizationType[kind]
