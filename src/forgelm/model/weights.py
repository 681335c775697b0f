"""Opens the safetensors files of a model folder: names to shapes and places, and one tensor at a time to numbers."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.model.numbers import FLOAT_SIZES, SIZES, decode_floats

INDEX_FILE = "model.safetensors.index.json"
WEIGHTS_FILE = "model.safetensors"
_LONGEST_HEADER = 100 << 20
_MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Tensor:
    """One tensor: its type as safetensors spells it, its shape, and the bytes [start, end) of ``file`` it fills."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int
    end: int

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOAT_SIZES


@dataclass(frozen=True)
class Weights:
    """The tensors of a model by name. Nothing is held open and nothing is read before it is asked for."""

    folder: Path
    tensors: Mapping[str, Tensor]

    def read_bytes(self, name: str) -> bytes:
        """Return the tensor as it stands in its file.

        Raises:
            ModelError: the file has become shorter than its header says.
            OSError: the file cannot be read.
        """
        tensor = self.tensors[name]
        with tensor.file.open("rb") as stream:
            stream.seek(tensor.start)
            data = stream.read(tensor.end - tensor.start)
        if len(data) != tensor.end - tensor.start:
            raise _broken(tensor.file, f"it ends inside the tensor {name!r}")
        return data

    def read(self, name: str) -> Any:
        """Return the tensor as float32, in its shape.

        Raises:
            ModelError: it does not hold plain numbers (8-bit and packed weights), or its file was cut.
        """
        tensor = self.tensors[name]
        if not tensor.is_float:
            raise ModelError(
                f"the tensor {name!r} of {self.folder} is {tensor.dtype}, which is not plain floating point",
                hint="quantised weights cannot be computed with: use the model they were made from",
            )
        return decode_floats(self.read_bytes(name), tensor.dtype).reshape(tensor.shape)


def open_weights(folder: Path) -> Weights:
    """Return the weights of the model in ``folder``: one ``model.safetensors``, or the files its index names.

    Raises:
        ModelError: there are none, or a header is not what the format says.
    """
    index = folder / INDEX_FILE
    if not index.is_file():
        if not (folder / WEIGHTS_FILE).is_file():
            raise ModelError(f"{folder} has no {WEIGHTS_FILE}", hint="only safetensors weights are read")
        return open_files(folder, [WEIGHTS_FILE])
    weights = open_files(folder, sorted(set(_read_index(index).values())))
    missing = sorted(set(_read_index(index)) - set(weights.tensors))
    if missing:
        raise ModelError(f"{index} lists the tensor {missing[0]!r}, which is in none of its files")
    return weights


def open_files(folder: Path, names: list[str]) -> Weights:
    """Return the tensors of the safetensors files ``names`` in ``folder``.

    Raises:
        ModelError: a header is not what the format says, or two files hold a tensor of the same name.
    """
    tensors: dict[str, Tensor] = {}
    for name in names:
        for tensor in _read_header(folder / name):
            if tensor.name in tensors:
                raise _broken(folder / name, f"the tensor {tensor.name!r} is in another file too")
            tensors[tensor.name] = tensor
    return Weights(folder, tensors)


def _read_index(path: Path) -> dict[str, str]:
    try:
        files = json.loads(path.read_bytes())["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _broken(path, "it has no weight_map") from None
    if not isinstance(files, dict) or not files:
        raise _broken(path, "its weight_map is empty or no mapping")
    for name in files.values():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise _broken(path, f"it names {name!r}, which is not a safetensors file beside it")
    return files


def _read_header(path: Path) -> Iterator[Tensor]:
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            start = stream.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if length > min(size - 8, _LONGEST_HEADER):
                raise _broken(path, "its header is longer than the file, or than any real one")
            header = json.loads(stream.read(length))
    except (ValueError, RecursionError):
        raise _broken(path, "its header is not JSON") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(header, dict):
        raise _broken(path, "its header is not a mapping")
    for name, entry in header.items():
        if name != "__metadata__":
            yield _read_entry(path, name, entry, 8 + length, size)


def _read_entry(path: Path, name: str, entry: Any, data: int, size: int) -> Tensor:
    found = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = found.get("dtype"), _counts(found.get("shape")), _counts(found.get("data_offsets"))
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise _broken(path, f"the tensor {name!r} is of a type that is not known: {dtype!r}")
    if shape is None or len(shape) > _MOST_DIMENSIONS or offsets is None or len(offsets) != 2:
        raise _broken(path, f"the tensor {name!r} has no usable shape or place")
    begin, end = offsets
    if end - begin != math.prod(shape) * SIZES[dtype] or data + end > size:
        raise _broken(path, f"the tensor {name!r} does not fit its shape or lies outside the file")
    return Tensor(name, dtype, shape, path, data + begin, data + end)


def _counts(value: Any) -> tuple[int, ...] | None:
    right = isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
    return tuple(value) if right else None


def _broken(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} cannot be used: {why}")
