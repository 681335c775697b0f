"""Engines that look at a whole batch at once and name the few rows, and families, worth confirming one by one.

Both work on Arrow's buffers without a Python object a row, and release the interpreter's lock while they scan.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from forgelm.audit.matching.family import DIGITS_CLUE, Family
from forgelm.audit.matching.fold import FOLDABLE
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

EngineName = Literal["arrow", "hyperscan"]
Candidates = dict[int, set[int]]

# Rows with such characters are folded and looked at again.
FOLD = -1
# So many clues still make a small automaton.
_AT_ONCE = 20


class Engine(Protocol):
    """Takes a large_string array; gives, by row, the positions of families that may occur there (or ``FOLD``).

    A family that does occur in a row is always among them.
    """

    def candidates(self, texts: pa.LargeStringArray) -> Candidates: ...


class ArrowEngine:
    """RE2, which pyarrow brings: linear time, no further package. Looks for clues, a few patterns at once."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._compute = load_extra("pyarrow.compute", extra="audit")
        self._owners = _owners(families, lambda family: family.trigger)
        self._passes = tuple("|".join(f"(?:{pattern})" for pattern in part) for part in self._parts(families))

    def candidates(self, texts: pa.LargeStringArray) -> Candidates:
        found: Candidates = {}
        rows = sorted({row for pattern in self._passes for row in self._rows(texts, pattern)})
        if rows:
            hit = self._compute.take(texts, rows)
            for pattern, families in self._owners.items():
                for position in self._rows(hit, pattern):
                    found.setdefault(rows[position], set()).update(families)
        return found

    def _parts(self, families: Sequence[Family]) -> list[list[str]]:
        if len(self._owners) <= _AT_ONCE:
            return [list(self._owners)]
        shared, *rest = _parts(families, self._owners)
        return [shared + rest[0], *rest[1:]] if rest else [shared]

    def _rows(self, texts: pa.LargeStringArray, pattern: str) -> list[int]:
        mask = self._compute.match_substring_regex(texts, pattern)
        return self._compute.indices_nonzero(mask).to_pylist()  # type: ignore[no-any-return]


class HyperscanEngine:
    """Automata that read a batch as one block and name the family that hit (extra ``fast``)."""

    def __init__(self, families: Sequence[Family]) -> None:
        hyperscan = load_extra("hyperscan", extra="fast")
        # Numbers look alike to an automaton; of credentials each has a start of its own.
        owners = _owners(families, lambda family: family.trigger if family.group == "pii" else family.superset)
        self._families = tuple(owners.values())
        self._databases = []
        identities = {pattern: identity for identity, pattern in enumerate(owners)}
        for part in _parts(families, owners):
            database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            database.compile(
                expressions=[pattern.encode() for pattern in part],
                ids=[identities[pattern] for pattern in part],
                flags=[0 if pattern.isascii() else hyperscan.HS_FLAG_UTF8 for pattern in part],
            )
            self._databases.append(database)

    def candidates(self, texts: pa.LargeStringArray) -> Candidates:
        found: Candidates = {}
        offsets, data = _buffers(texts)
        for database in self._databases if len(data) else ():
            self._scan(database, data, offsets, found)
        return found

    def _scan(self, database: Any, data: memoryview, offsets: Sequence[int], found: Candidates) -> None:
        hits: list[tuple[int, int]] = []
        # Scanning threads must not share a scratch space.
        scratch = database.scratch.clone()
        database.scan(
            data, lambda identity, _start, end, _flags, _context: hits.append((end, identity)), scratch=scratch
        )
        row_start = row_end = row = 0
        for end, identity in hits:
            # The row of the match's last byte; a match across rows is only a candidate too many.
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
    owners: dict[str, list[int]] = {FOLDABLE: [FOLD]}
    for position, family in enumerate(families):
        owners.setdefault(pattern_of(family), []).append(position)
    return {pattern: tuple(positions) for pattern, positions in owners.items()}


def _parts(families: Sequence[Family], owners: Mapping[str, tuple[int, ...]]) -> list[list[str]]:
    """Part the patterns into automata; those of numbers, other personal data and credentials explode together."""
    parts: dict[str, list[str]] = {}
    for pattern, positions in owners.items():
        shared = positions[0] == FOLD or pattern == DIGITS_CLUE
        parts.setdefault("shared" if shared else families[positions[0]].group, []).append(pattern)
    return list(parts.values())


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
