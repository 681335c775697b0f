"""Writes a model's tensors into safetensors files one after another, holding one of them in memory at a time."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.files import write_json
from forgelm.model.numbers import SIZES
from forgelm.model.weights import INDEX_FILE, WEIGHTS_FILE

SHARD_BYTES = 4 << 30
_ALIGNMENT = 8


@dataclass(frozen=True)
class Planned:
    """A tensor to be written: what its header entry will say."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * SIZES[self.dtype]


def write_weights(
    folder: Path, plan: Sequence[Planned], produce: Callable[[Planned], Any], *, shard_bytes: int = SHARD_BYTES
) -> list[Path]:
    """Write the tensors of ``plan``, each as the bytes ``produce`` returns for it, and return the files.

    Files hold at most ``shard_bytes`` each (a larger tensor has one of its own); more than one get an index.

    Raises:
        OSError: something could not be written.
        ValueError: ``produce`` returned another number of bytes than planned.
    """
    shards = _split(plan, shard_bytes)
    if len(shards) == 1:
        return [_write_file(folder / WEIGHTS_FILE, shards[0], produce)]
    names = [f"model-{number:05d}-of-{len(shards):05d}.safetensors" for number in range(1, len(shards) + 1)]
    written = [_write_file(folder / name, shard, produce) for name, shard in zip(names, shards, strict=True)]
    places = {item.name: name for name, shard in zip(names, shards, strict=True) for item in shard}
    total = sum(item.size_bytes for item in plan)
    write_json(folder / INDEX_FILE, {"metadata": {"total_size": total}, "weight_map": places})
    return written


def _split(plan: Sequence[Planned], shard_bytes: int) -> list[list[Planned]]:
    shards: list[list[Planned]] = [[]]
    filled = 0
    for item in plan:
        if shards[-1] and filled + item.size_bytes > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(item)
        filled += item.size_bytes
    return shards


def _write_file(path: Path, items: list[Planned], produce: Callable[[Planned], Any]) -> Path:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for item in items:
        header[item.name] = {
            "dtype": item.dtype,
            "shape": list(item.shape),
            "data_offsets": [place, place + item.size_bytes],
        }
        place += item.size_bytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("xb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for item in items:
            data = memoryview(produce(item)).cast("B")
            if data.nbytes != item.size_bytes:
                raise ValueError(f"{item.name}: {data.nbytes} bytes instead of {item.size_bytes}")
            stream.write(data)
    return path
