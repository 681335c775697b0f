"""Reads what links lines out of many lines at once, where msgspec is installed; whatever is unusual is left alone.

What this accepts, ``read_entry`` accepts and reads the same; what it does not accept, ``read_entry`` judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra


class Links(NamedTuple):
    """A column per field, a row per line. ``numbers`` is ``None`` when no line has a number."""

    previous: list[str]
    numbers: list[int] | None
    events: list[str]
    run_ids: list[str]
    stamps: list[str]


_FIRST, _OPEN = itemgetter(0), {ord("{")}
_LAST, _CLOSE = itemgetter(-1), {ord("}")}

ReadLinks = Callable[[Sequence[bytes]], Links | None]


def find_reader() -> ReadLinks | None:
    """Return the function that reads lines at once, ``None`` when the extra ``fast`` is not installed."""
    try:
        msgspec = load_extra("msgspec", extra="fast")
    except OptionalDependencyError:
        return None
    unset, number = msgspec.UNSET, int | msgspec.UnsetType
    fields = [("prev_hash", str), ("event", str), ("run_id", str), ("timestamp", str), ("seq", number, unset)]
    decode = msgspec.json.Decoder(msgspec.defstruct("Line", fields, gc=False)).decode
    refusals = (msgspec.DecodeError, RecursionError, IndexError)

    def read(lines: Sequence[bytes]) -> Links | None:
        try:
            # Bytes that are no text pass unseen where a value is skipped; so does white space around a line.
            if not b"".join(lines).isascii() or set(map(_FIRST, lines)) != _OPEN or set(map(_LAST, lines)) != _CLOSE:
                return None
            return _columns([decode(line) for line in lines], unset)
        except refusals:
            return None

    return read


def _columns(rows: list[Any], unset: object) -> Links | None:
    numbers = [row.seq for row in rows]
    return Links(
        [row.prev_hash for row in rows],
        None if numbers.count(unset) == len(rows) else numbers,
        [row.event for row in rows],
        [row.run_id for row in rows],
        [row.timestamp for row in rows],
    )
