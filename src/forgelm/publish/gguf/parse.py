"""Reads what a GGUF file says before its numbers, a window at a time, believing no length before it is checked.

Nothing is mapped into memory and nothing large is kept: of arrays the type and the length, of text the beginning. The
strings of an array are stepped over without being made.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from forgelm.base.errors import ConfigError
from forgelm.publish.gguf.types import ARRAY, BOOL, DEFAULT_ALIGNMENT, MAGIC, PACKINGS, SCALARS, STRING

_WINDOW = 1 << 16
_MOST_ENTRIES = 1 << 16
_MOST_TENSORS = 1 << 18
_LONGEST_NAME = 1 << 16
_LONGEST_KEPT = 1 << 20
# Names and texts of a file altogether; a model with a long template and many tensors has a mebibyte.
_MOST_KEPT = 1 << 26
_MOST_DIMENSIONS = 4
_LARGEST = 1 << 63
_FEWEST_BYTES_OF_ENTRY, _FEWEST_BYTES_OF_TENSOR = 13, 32


class GgufError(ConfigError):
    """The file is not what the GGUF format says; the message names the place."""


@dataclass(frozen=True)
class ArrayShape:
    """What is kept of an array in the metadata: its elements' type by number, and how many there are."""

    kind: int
    length: int


@dataclass(frozen=True)
class GgufTensor:
    """One entry of the tensor catalogue; ``shape`` is in the file's order, the row length first."""

    name: str
    shape: tuple[int, ...]
    kind: str
    start: int
    size_bytes: int


@dataclass(frozen=True)
class GgufFile:
    """What a GGUF file says about itself. Text longer than a mebibyte is cut in ``metadata``."""

    version: int
    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]
    data_start: int
    size_bytes: int


def parse_gguf(path: Path) -> GgufFile:
    """Return what the file at ``path`` says, once every length and every place in it has been found possible.

    Raises:
        GgufError: it is no GGUF file, or something in it cannot be true.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        return _Parser(stream, size).parse()


class _Parser:
    """A window over the file that moves forward only; ``place`` counts within it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self._window = b""
        self._start = 0
        self._place = 0
        self._order = "<"
        self._kept = 0

    def parse(self) -> GgufFile:
        if self._take(4, "the magic") != MAGIC:
            raise GgufError("it does not begin with GGUF")
        version = self._read_version()
        tensors = self._count("Q", _FEWEST_BYTES_OF_TENSOR, _MOST_TENSORS, "tensors")
        entries = self._count("Q", _FEWEST_BYTES_OF_ENTRY, _MOST_ENTRIES, "metadata entries")
        metadata: dict[str, Any] = {}
        for number in range(entries):
            key = self._name(f"the key of metadata entry {number}")
            if key in metadata:
                raise GgufError(f"the metadata key {key!r} is there twice")
            metadata[key] = self._value(self._number("I", f"the type of {key!r}"), key)
        described = [self._tensor(number) for number in range(tensors)]
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        if type(alignment) is not int or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
            raise GgufError(f"general.alignment is {alignment!r}, which is no power of two")
        end = self._start + self._place
        data = end + -end % alignment
        return GgufFile(version, metadata, self._place_tensors(described, data, alignment), data, self._size)

    def _read_version(self) -> int:
        raw = self._take(4, "the version")
        version = int.from_bytes(raw, "little")
        if version not in (2, 3) and int.from_bytes(raw, "big") in (2, 3):
            self._order, version = ">", int.from_bytes(raw, "big")
        if version not in (2, 3):
            raise GgufError(f"its version is {version}, and 2 and 3 are known")
        return version

    def _tensor(self, number: int) -> tuple[str, tuple[int, ...], int, int]:
        name = self._name(f"the name of tensor {number}")
        dimensions = self._number("I", f"the dimensions of {name!r}")
        if not 1 <= dimensions <= _MOST_DIMENSIONS:
            raise GgufError(f"the tensor {name!r} has {dimensions} dimensions")
        raw = self._take(8 * dimensions, f"the shape of {name!r}")
        shape = struct.unpack(f"{self._order}{dimensions}Q", raw)
        return name, shape, self._number("I", f"the type of {name!r}"), self._number("Q", f"the place of {name!r}")

    def _place_tensors(
        self, described: list[tuple[str, tuple[int, ...], int, int]], data: int, alignment: int
    ) -> tuple[GgufTensor, ...]:
        placed = [self._place_tensor(*one, data, alignment) for one in described]
        if len({tensor.name for tensor in placed}) < len(placed):
            raise GgufError("two tensors have the same name")
        ordered = sorted(placed, key=lambda tensor: (tensor.start, tensor.size_bytes))
        for one, following in pairwise(ordered):
            if one.start + one.size_bytes > following.start:
                raise GgufError(f"the tensors {one.name!r} and {following.name!r} overlap")
        return tuple(placed)

    def _place_tensor(
        self, name: str, shape: tuple[int, ...], kind: int, offset: int, data: int, alignment: int
    ) -> GgufTensor:
        packing = PACKINGS.get(kind)
        if packing is None:
            raise GgufError(f"the tensor {name!r} is of the unknown type {kind}")
        if shape[0] % packing.numbers:
            raise GgufError(f"the rows of {name!r} have {shape[0]} numbers, which {packing.name} cannot pack")
        numbers = 1
        for length in shape:
            numbers *= length
            if not 0 < numbers < _LARGEST:
                raise GgufError(f"the tensor {name!r} has an impossible shape: {list(shape)}")
        size = numbers // packing.numbers * packing.size
        if offset % alignment:
            raise GgufError(f"the tensor {name!r} does not begin at a multiple of {alignment} bytes")
        if data + offset + size > self._size:
            raise GgufError(f"the tensor {name!r} ends behind the end of the file: the file was cut, or lies")
        return GgufTensor(name, shape, packing.name, data + offset, size)

    def _value(self, kind: int, key: str) -> Any:
        if kind == STRING:
            return self._text(key)
        if kind == ARRAY:
            return self._array(key)
        if kind not in SCALARS:
            raise GgufError(f"the metadata value {key!r} is of the unknown type {kind}")
        value = self._number(SCALARS[kind], f"the value of {key!r}")
        if kind == BOOL:
            if value not in (0, 1):
                raise GgufError(f"the metadata value {key!r} is neither true nor false")
            return bool(value)
        return value

    def _text(self, key: str) -> str:
        length = self._length(f"the value of {key!r}")
        kept = self._keep(min(length, _LONGEST_KEPT), f"the value of {key!r}")
        self._skip(length - len(kept), f"the value of {key!r}")
        return kept.decode("utf-8", "replace")

    def _array(self, key: str) -> ArrayShape:
        kind = self._number("I", f"the element type of {key!r}")
        length = self._number("Q", f"the length of {key!r}")
        if kind in SCALARS:
            size = struct.calcsize(f"<{SCALARS[kind]}")
            if length > self._left // size:
                raise GgufError(f"the array {key!r} is longer than the file")
            self._skip(length * size, f"the array {key!r}")
        elif kind == STRING:
            if length > self._left // 8:
                raise GgufError(f"the array {key!r} is longer than the file")
            self._skip_strings(length, key)
        else:
            raise GgufError(f"the array {key!r} has elements of the type {kind}, which no model needs")
        return ArrayShape(kind, length)

    def _skip_strings(self, count: int, key: str) -> None:
        """Step over ``count`` strings. The inner loop is most of the time a large vocabulary takes."""
        read_length = struct.Struct(f"{self._order}Q").unpack_from
        while count:
            window, place, done = self._window, self._place, 0
            try:
                # Beyond the window there are no eight bytes to unpack, which ends the loop sooner than a comparison.
                for done in range(count):  # noqa: B007
                    place += 8 + read_length(window, place)[0]
                done += 1
            except (struct.error, OverflowError):
                pass
            count -= done
            self._place = min(place, len(window))
            self._skip(place - self._place, f"the array {key!r}")
            if count and len(self._window) - self._place < 8:
                self._refill(8, f"the array {key!r}")

    def _count(self, letter: str, fewest_bytes: int, most: int, what: str) -> int:
        count: int = self._number(letter, f"the number of {what}")
        if count > min(most, self._left // fewest_bytes):
            raise GgufError(f"it claims {count} {what}, more than it has room for")
        return count

    def _name(self, what: str) -> str:
        length = self._length(what)
        if not 0 < length <= _LONGEST_NAME:
            raise GgufError(f"{what} is {length} bytes long")
        try:
            return self._keep(length, what).decode("utf-8")
        except UnicodeDecodeError:
            raise GgufError(f"{what} is not UTF-8") from None

    def _length(self, what: str) -> int:
        length: int = self._number("Q", what)
        if length > self._left:
            raise GgufError(f"{what} is longer than the file")
        return length

    def _number(self, letter: str, what: str) -> Any:
        layout = struct.Struct(f"{self._order}{letter}")
        return layout.unpack(self._take(layout.size, what))[0]

    @property
    def _left(self) -> int:
        return self._size - self._start - self._place

    def _take(self, count: int, what: str) -> bytes:
        if len(self._window) - self._place < count:
            self._refill(count, what)
        taken = self._window[self._place : self._place + count]
        self._place += count
        return taken

    def _keep(self, count: int, what: str) -> bytes:
        self._kept += count
        if self._kept > _MOST_KEPT:
            raise GgufError(f"with {what} its names and texts are larger than {_MOST_KEPT >> 20} MiB")
        return self._take(count, what)

    def _skip(self, count: int, what: str) -> None:
        if count > self._left:
            raise GgufError(f"{what} is longer than the file")
        inside = min(count, len(self._window) - self._place)
        self._place += inside
        if count > inside:
            self._start += len(self._window) + count - inside
            self._window, self._place = b"", 0
            self._stream.seek(self._start)

    def _refill(self, count: int, what: str) -> None:
        """Move the window so that it begins at the current place and holds at least ``count`` bytes."""
        rest = self._window[self._place :]
        self._start += self._place
        self._place = 0
        self._window = rest + self._stream.read(max(_WINDOW, count - len(rest)))
        if len(self._window) < count:
            raise GgufError(f"the file ends in the middle of {what}")
