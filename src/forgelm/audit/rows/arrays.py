"""Arrays for the parts of the audit that work on whole batches: numpy, and texts as one buffer with offsets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes: TypeAlias = npt.NDArray[np.uint8]
    Bits: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]
    Ints32: TypeAlias = npt.NDArray[np.int32]
    Words: TypeAlias = npt.NDArray[np.uint64]
    Words32: TypeAlias = npt.NDArray[np.uint32]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Floats32: TypeAlias = npt.NDArray[np.float32]
else:
    np = load_extra("numpy", extra="audit")
    Bytes = Bits = Ints = Ints32 = Words = Words32 = Floats = Floats32 = Any

__all__ = [
    "Bits",
    "Bytes",
    "Floats",
    "Floats32",
    "Ints",
    "Ints32",
    "TextBatch",
    "Words",
    "Words32",
    "from_arrow",
    "np",
    "to_arrow",
]


def from_arrow(numbers: Any) -> Ints:
    """View an Arrow array of numbers without nulls; its own way to numpy would load pandas."""
    kind = np.dtype(str(numbers.type))
    data = numbers.buffers()[1]
    if data is None or not len(numbers):
        return np.zeros(0, np.int64)
    return np.frombuffer(data, kind, len(numbers), numbers.offset * kind.itemsize).astype(np.int64)


def to_arrow(values: Ints) -> Any:
    """View numbers as an Arrow array; ``pyarrow.array`` would load pandas, which takes longer than a small audit."""
    arrow = load_extra("pyarrow", extra="audit")
    whole = np.ascontiguousarray(values, np.int64)
    return arrow.Array.from_buffers(arrow.int64(), len(whole), [None, arrow.py_buffer(whole)])


@dataclass(frozen=True)
class TextBatch:
    """Texts one after another: row ``i`` is ``buffer[offsets[i]:offsets[i + 1]]``, in UTF-8.

    ``buffer`` is uint8; ``offsets`` are int64, from 0 to its length, one more than there are rows. Halves of surrogate
    pairs, which JSON can hold, stand in it as their three bytes.
    """

    buffer: Bytes
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> str:
        return self.raw(row).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def raw(self, row: int) -> bytes:
        """The UTF-8 bytes of one row."""
        return self.buffer[self.offsets[row] : self.offsets[row + 1]].tobytes()

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> TextBatch:
        """Copy ``texts`` into one buffer."""
        return cls.from_bytes([text.encode("utf-8", "surrogatepass") for text in texts])

    @classmethod
    def from_bytes(cls, rows: Sequence[bytes]) -> TextBatch:
        """Copy ``rows``, each UTF-8, into one buffer."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(np.frombuffer(b"".join(rows), np.uint8), offsets)

    def cut(self, first: int, last: int) -> TextBatch:
        """View the rows from ``first`` up to ``last``."""
        begin, end = self.offsets[first], self.offsets[last]
        return TextBatch(self.buffer[begin:end], self.offsets[first : last + 1] - begin)

    def to_arrow(self) -> Any:
        """View the texts as a large_string array; there must be no halves of surrogate pairs."""
        arrow = load_extra("pyarrow", extra="audit")
        offsets, buffer = np.ascontiguousarray(self.offsets, np.int64), np.ascontiguousarray(self.buffer)
        buffers = [None, arrow.py_buffer(offsets), arrow.py_buffer(buffer)]
        return arrow.Array.from_buffers(arrow.large_string(), len(self), buffers)

    @classmethod
    def from_arrow(cls, array: Any) -> TextBatch:
        """View a pyarrow string or large_string array without copying its text; a null is an empty row."""
        if array.null_count:
            array = array.fill_null("")
        _, places, data = array.buffers()
        width = np.dtype(np.int64 if str(array.type).startswith("large") else np.int32)
        if len(array) == 0:
            return cls(np.empty(0, np.uint8), np.zeros(1, np.int64))
        offsets = np.frombuffer(places, width, len(array) + 1, array.offset * width.itemsize).astype(np.int64)
        buffer = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        return cls(buffer[offsets[0] : offsets[-1]], offsets - offsets[0])
