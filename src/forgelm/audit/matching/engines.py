"""Engines that look at a whole batch at once and name the few rows, and families, worth confirming one by one.

Both work on Arrow's buffers without a Python object a row, and release the interpreter's lock while they scan.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from forgelm.audit.matching.clues import Candidates, Keywords, any_of, matching_rows, take_rows
from forgelm.audit.matching.family import DIGITS_CLUE, Family
from forgelm.audit.matching.fold import FOLDABLE
from forgelm.audit.matching.numbers import Numbers
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

EngineName = Literal["arrow", "hyperscan"]
Owners = Mapping[str, tuple[int, ...]]

# Stand for a row in place of a family: it has characters to fold, and is looked at again; it has a run of digits.
FOLD, DIGITS = -1, -2
_WAITS_FOR_DIGIT = re.compile(r"(?:\[A-Z(?:a-z)?\](?:\{[0-9]\})?)?\[0-9\](?!\\)")
# Those of accounts and of German cards cost nothing beside runs of digits; most others would undo that.
_GOES_WITH_RUNS = re.compile(r"\[A-Za-z\]\{2\}\[0-9\]\{2\}|\[A-Z\]\[0-9\]\[")
# So many clues still make a small automaton; more families than this of one clue are told apart by their keywords.
_AT_ONCE = _CROWD = 20
# So many rows are asked one pattern after another; more, whether any pattern occurs.
_FEW_ROWS = 256
_BLOCK_BYTES = 1 << 18
# Where more matches end than one in so many bytes, telling Python of each would take longer than looking row by row.
_BYTES_PER_HIT = 256


class Engine(Protocol):
    """Takes a large_string array; gives, by row, the positions of families that may occur there (or ``FOLD``).

    A family that does occur in a row is always among them.
    """

    def candidates(self, texts: pa.LargeStringArray) -> Candidates: ...


class ArrowEngine:
    """RE2, which pyarrow brings: linear time, no further package. Looks for clues, a few patterns at once."""

    def __init__(self, families: Sequence[Family]) -> None:
        load_extra("pyarrow.compute", extra="audit")
        owners = _owners(families, lambda family: family.trigger)
        parts = [list(owners)] if len(owners) <= _AT_ONCE else _parts(families, owners, digits_apart=False)
        self._passes = tuple({pattern: owners[pattern] for pattern in part} for part in parts)
        self._crowds = {
            pattern: Keywords(families, places) for pattern, places in owners.items() if len(places) > _CROWD
        }
        self._numbers = Numbers(families)

    def candidates(self, texts: pa.LargeStringArray) -> Candidates:
        found: Candidates = {}
        for owners in self._passes:
            if rows := matching_rows(texts, any_of(owners)):
                self._name(found, take_rows(texts, rows), rows, owners)
        return _with_numbers(found, texts, self._numbers)

    def _name(self, found: Candidates, texts: pa.LargeStringArray, rows: list[int], owners: Owners) -> None:
        """Add the families of the patterns that occur in ``rows``, whose texts are ``texts``."""
        if len(rows) > _FEW_ROWS and DIGITS_CLUE in owners and len(owners) > 1:
            owners = dict(owners)
            self._name(found, texts, rows, {DIGITS_CLUE: owners.pop(DIGITS_CLUE)})
            hits = matching_rows(texts, any_of(owners))
            if not hits:
                return
            rows, texts = [rows[hit] for hit in hits], take_rows(texts, hits)
        for pattern, families in owners.items():
            hits = matching_rows(texts, pattern)
            if crowd := self._crowds.get(pattern):
                crowd.add_to(found, texts, rows, hits)
                continue
            for hit in hits:
                found.setdefault(rows[hit], set()).update(families)


class HyperscanEngine:
    """Automata that read blocks of many rows and name the family that hit (extra ``fast``)."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._hyperscan = load_extra("hyperscan", extra="fast")
        self._numbers = Numbers(families)
        self._row_by_row = ArrowEngine(families)
        # Numbers look alike to an automaton; of credentials each has a start of its own.
        owners = _owners(families, lambda family: family.trigger if family.group == "pii" else family.superset)
        self._families = tuple(owners.values())
        identities = {pattern: identity for identity, pattern in enumerate(owners)}
        self._databases = [self._compile(part, identities) for part in _parts(families, owners)]

    def candidates(self, texts: pa.LargeStringArray) -> Candidates:
        found: Candidates = {}
        crowded: list[int] = []
        offsets, data = _buffers(texts)
        # Scanning threads must not share a scratch space.
        databases = [(database, database.scratch.clone()) for database in self._databases]
        for first, last in _blocks(offsets):
            hits = self._hits(databases, data[offsets[first] : offsets[last]])
            if hits is None:
                crowded += range(first, last)
            else:
                self._name(found, hits, offsets, first)
        if crowded:
            by_row = self._row_by_row.candidates(take_rows(texts, crowded))
            found.update({crowded[row]: families for row, families in by_row.items()})
        return _with_numbers(found, texts, self._numbers)

    def _compile(self, patterns: Sequence[str], identities: Mapping[str, int]) -> Any:
        database = self._hyperscan.Database(mode=self._hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[pattern.encode() for pattern in patterns],
            ids=[identities[pattern] for pattern in patterns],
            flags=[0 if pattern.isascii() else self._hyperscan.HS_FLAG_UTF8 for pattern in patterns],
        )
        return database

    def _hits(self, databases: Sequence[tuple[Any, Any]], data: memoryview) -> list[tuple[int, int]] | None:
        """Return where in a block patterns end, and which; None when there are too many."""
        hits: list[tuple[int, int]] = []
        # A row longer than a block says all there is to know of it in a few hits.
        most = min(len(data), _BLOCK_BYTES) // _BYTES_PER_HIT + _FEW_ROWS

        def heard(identity: int, _start: int, end: int, _flags: int, _context: Any) -> bool:
            hits.append((end, identity))
            return len(hits) > most

        for database, scratch in databases:
            try:
                database.scan(data, heard, scratch=scratch)
            except self._hyperscan.ScanTerminated:
                return None
        return hits

    def _name(self, found: Candidates, hits: list[tuple[int, int]], offsets: Sequence[int], first: int) -> None:
        base = offsets[first]
        row_start = row_end = row = 0
        for place, identity in hits:
            # The row of the match's last byte; a match across rows is only a candidate too many.
            end = base + place
            if not row_start < end <= row_end:
                row = bisect_right(offsets, end - 1) - 1
                row_start, row_end = offsets[row], offsets[row + 1]
            found.setdefault(row, set()).update(self._families[identity])


def build_engine(name: EngineName, families: Sequence[Family]) -> Engine:
    """Return the engine; compiling takes well under a second.

    Raises:
        OptionalDependencyError: its package is not installed.
        ValueError: there is no such engine.
    """
    if name not in ENGINES:
        raise ValueError(f"no engine is called '{name}'; choose one of {', '.join(ENGINES)}")
    return ENGINES[name](families)


ENGINES: Mapping[str, type[ArrowEngine] | type[HyperscanEngine]] = {"arrow": ArrowEngine, "hyperscan": HyperscanEngine}


def _owners(families: Sequence[Family], pattern_of: Callable[[Family], str]) -> dict[str, tuple[int, ...]]:
    """Return which families each distinct pattern speaks for."""
    owners: dict[str, list[int]] = {FOLDABLE: [FOLD], DIGITS_CLUE: [DIGITS]}
    for position, family in enumerate(families):
        if (pattern := pattern_of(family)) != DIGITS_CLUE:
            owners.setdefault(pattern, []).append(position)
    return {pattern: tuple(positions) for pattern, positions in owners.items()}


def _parts(families: Sequence[Family], owners: Owners, *, digits_apart: bool = True) -> list[list[str]]:
    """Part the patterns into automata: runs of digits, others of personal data that wait for a digit, or for something
    else, and credentials.

    Together they would explode; apart, each skips at several gigabytes a second to what it waits for. Of a few only,
    those that wait for a digit go with the credentials.
    """
    few = len(owners) <= _AT_ONCE
    parts: dict[str, list[str]] = {}
    for pattern, positions in owners.items():
        part: str = "pii" if positions[0] < 0 else families[positions[0]].group
        if digits_apart and (pattern == DIGITS_CLUE or _GOES_WITH_RUNS.match(pattern)):
            part = "runs"
        elif digits_apart and part == "pii" and _WAITS_FOR_DIGIT.match(pattern):
            part = "secret" if few else "digits"
        parts.setdefault(part, []).append(pattern)
    return list(parts.values())


def _with_numbers(found: Candidates, texts: pa.LargeStringArray, numbers: Numbers) -> Candidates:
    """Put families in the place of the mark for a run of digits."""
    rows = sorted(row for row, families in found.items() if DIGITS in families)
    for row in rows:
        found[row].discard(DIGITS)
    numbers.add_to(found, texts, rows)
    return {row: families for row, families in found.items() if families}


def _blocks(offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the rows, from first to last, that make blocks of about ``_BLOCK_BYTES``."""
    first, rows = 0, len(offsets) - 1
    while first < rows:
        last = min(max(bisect_right(offsets, offsets[first] + _BLOCK_BYTES) - 1, first + 1), rows)
        yield first, last
        first = last


def _buffers(texts: pa.LargeStringArray) -> tuple[Any, memoryview]:
    """Return the offsets of the rows, counted from the first row's first byte, and the bytes."""
    _, offsets_buffer, data = texts.buffers()
    offsets = memoryview(offsets_buffer).cast("q")[texts.offset : texts.offset + len(texts) + 1]
    if data is None or not len(texts):
        return offsets, memoryview(b"")
    if offsets[0]:
        start = offsets[0]
        return [offset - start for offset in offsets], memoryview(data)[start : offsets[-1]]
    return offsets, memoryview(data)[: offsets[-1]]
