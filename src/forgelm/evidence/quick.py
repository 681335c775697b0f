"""Reads what links lines out of many lines at once, where msgspec is installed; whatever is unusual is left alone.

What this accepts, ``read_entry`` accepts and reads the same; what it does not accept, ``read_entry`` judges.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra

# Of more, a block rarely is; and each is looked up for every line.
_MOST_RUNS = 8
_MOST_EVENTS = 64


class Links(NamedTuple):
    """A column per field, a row per line. ``numbers`` is ``None`` when no line has a number."""

    previous: list[str]
    numbers: list[int] | None
    stamps: list[str]
    first_run: str
    last_event: str


_FIRST, _OPEN = itemgetter(0), {ord("{")}
_LAST, _CLOSE = itemgetter(-1), {ord("}")}
# Python's own limit for the digits of a number, which a value that is skipped is not held against.
_LONGEST = 4300


class QuickReader:
    """Reads lines of the runs and events it was told to expect: what need not be looked at again needs no column.

    Raises:
        OptionalDependencyError: the extra ``fast`` is not installed.
    """

    def __init__(self) -> None:
        self._msgspec = load_extra("msgspec", extra="fast")
        self._refusals = (self._msgspec.DecodeError, RecursionError, IndexError)
        self._decode: Any = None
        self.runs: frozenset[str] = frozenset()
        self._events: frozenset[str] = frozenset()

    def expect(self, runs: Collection[str], events: Collection[str]) -> None:
        """From now on, read lines of ``runs`` alone, and of ``events`` besides those expected while they are few."""
        known = self._events.union(events)
        expected = frozenset(runs), known if len(known) <= _MOST_EVENTS else frozenset(events)
        if expected == (self.runs, self._events):
            return
        self.runs, self._events = expected
        self._decode = None
        if 0 < len(self.runs) <= _MOST_RUNS and 0 < len(self._events) <= _MOST_EVENTS:
            self._decode = self._make_decoder()

    def read(self, lines: Sequence[bytes]) -> Links | None:
        """Return what ``lines`` say, or ``None`` when one of them is of another run or event, or is unusual."""
        if self._decode is None:
            return None
        decode = self._decode
        try:
            if not _are_plain(lines):
                return None
            rows = [decode(line) for line in lines]
        except self._refusals:
            return None
        numbers = [row.seq for row in rows]
        return Links(
            [row.prev_hash for row in rows],
            None if numbers[0] is self._msgspec.UNSET and len(set(numbers)) == 1 else numbers,
            [row.timestamp for row in rows],
            rows[0].run_id,
            rows[-1].event,
        )

    def _make_decoder(self) -> Any:
        unset, number = self._msgspec.UNSET, int | self._msgspec.UnsetType
        run, event = Literal[tuple(sorted(self.runs))], Literal[tuple(sorted(self._events))]
        fields = [("prev_hash", str), ("event", event), ("run_id", run), ("timestamp", str), ("seq", number, unset)]
        return self._msgspec.json.Decoder(self._msgspec.defstruct("Line", fields, gc=False)).decode


def _are_plain(lines: Sequence[bytes]) -> bool:
    """Bytes that are no text pass unseen where a value is skipped; so does white space around a line."""
    return (
        all(map(bytes.isascii, lines))
        and set(map(_FIRST, lines)) == _OPEN
        and set(map(_LAST, lines)) == _CLOSE
        and max(map(len, lines)) <= _LONGEST
    )


def find_reader() -> QuickReader | None:
    """Return a reader, ``None`` when the extra ``fast`` is not installed."""
    try:
        return QuickReader()
    except OptionalDependencyError:
        return None
