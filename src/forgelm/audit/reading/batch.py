"""The rows of one block as they were read: an Arrow table where all rows agree on their types, else Python values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from forgelm.audit.rows.arrays import Ints32

if TYPE_CHECKING:
    import pyarrow as pa

PLACES_KEPT = 20


class Reason(StrEnum):
    """Why a row could not be read, or only in part. The first four are no samples."""

    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    TOO_DEEP = "too_deep"
    WRONG_CELLS = "wrong_cells"
    NOT_UTF8 = "not_utf8"
    LONE_SURROGATE = "lone_surrogate"
    NUL = "nul"


DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        Reason.NOT_JSON: "not JSON",
        Reason.NOT_OBJECT: "JSON, but not an object",
        Reason.TOO_DEEP: "nested too deeply to be a row of text",
        Reason.WRONG_CELLS: "not as many cells as the header has",
        Reason.NOT_UTF8: "bytes that are not UTF-8, read as U+FFFD",
        Reason.LONE_SURROGATE: "half of a surrogate pair, read as U+FFFD",
        Reason.NUL: "a NUL character in a text",
    }
)
SKIPPED = frozenset({Reason.NOT_JSON, Reason.NOT_OBJECT, Reason.TOO_DEEP, Reason.WRONG_CELLS})


@dataclass(frozen=True)
class Problems:
    """``counts`` of every reason, and the first ``places``: line numbers from 0, of the block or later of the file."""

    counts: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[tuple[str, int]]) -> Problems:
        """Sum up ``(reason, line)``, given in the order of lines."""
        counts: Counter[str] = Counter()
        places: dict[str, list[int]] = {}
        for reason, line in found:
            counts[reason] += 1
            if counts[reason] <= PLACES_KEPT:
                places.setdefault(reason, []).append(line)
        return cls(dict(counts), {reason: tuple(lines) for reason, lines in places.items()})

    def merge(self, later: Problems, lines: int = 0) -> Problems:
        """Return both; the places of ``later`` are counted from line ``lines``."""
        places = {
            reason: (*self.places.get(reason, ()), *(lines + line for line in later.places.get(reason, ())))
            for reason in {*self.places, *later.places}
        }
        counts = Counter(self.counts) + Counter(later.counts)
        return Problems(dict(counts), {reason: lines[:PLACES_KEPT] for reason, lines in places.items()})


@dataclass(frozen=True)
class ReadBatch:
    """The rows of a block: ``table`` (a RecordBatch) or, where it is ``None``, ``values``.

    ``lines`` holds the line of the block, from 0, that each row stands on; ``None`` where row ``i`` is on line ``i``.
    ``line_count`` lines were read. The columns of ``cells`` are text only because their file has nothing else. Where
    ``is_flat``, all rows hold texts under the same names and nothing else: any of them read alone is the same. ``span``
    is then where in the file the lines stand, in bytes, if they can be read there.
    """

    table: pa.RecordBatch | None
    values: Sequence[dict[str, Any]]
    line_count: int
    lines: Ints32 | None = None
    problems: Problems = field(default_factory=Problems)
    cells: bool = False
    is_flat: bool = False
    span: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self.table.num_rows if self.table is not None else len(self.values)

    def read_row(self, row: int) -> dict[str, Any]:
        """Return one row as Python values."""
        if self.table is None:
            return self.values[row]
        found: dict[str, Any] = self.table.slice(row, 1).to_pylist()[0]
        return found

    def line_of(self, row: int) -> int:
        return row if self.lines is None else int(self.lines[row])
