"""Lines of JSON to a table, at several times the speed of Arrow's reader, where every row holds the same texts only.

Whatever is otherwise is left to the other readers, which give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from forgelm.audit.rows.arrays import TextBatch
from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

_Decode: TypeAlias = Callable[[bytes], list[dict[str, str]] | None]


def parse_flat_lines(data: bytes, count: int) -> pa.RecordBatch | None:
    """Return the ``count`` rows of lines that all begin with ``{`` and end with ``}``, or ``None``.

    A text cannot hold a line break, nor such a row another bracket: as many rows as lines are one on each.
    """
    decode = _find_decoder()
    rows = decode(data) if decode is not None else None
    if not rows or len(rows) != count:
        return None
    names = list(rows[0])
    if not names or sum(map(len, rows)) != count * len(names):
        return None
    arrow = load_extra("pyarrow", extra="audit")
    try:
        columns = [TextBatch.from_texts([row[name] for row in rows]).to_arrow() for name in names]
    except KeyError:
        return None
    return arrow.RecordBatch.from_arrays(columns, names)


@cache
def _find_decoder() -> _Decode | None:
    """Return what reads lines as rows of texts, ``None`` when the extra ``fast`` is not installed."""
    try:
        msgspec: Any = load_extra("msgspec", extra="fast")
    except OptionalDependencyError:
        return None
    decoder = msgspec.json.Decoder(dict[str, str])
    refusals = (msgspec.DecodeError, UnicodeDecodeError, IndexError)

    def decode(data: bytes) -> list[dict[str, str]] | None:
        try:
            rows: list[dict[str, str]] = decoder.decode_lines(data)
        except refusals:
            return None
        return rows

    return decode
