"""Finds the values of a table of families in a batch of texts: an engine picks the rows, the exact rule decides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forgelm.audit.findings import Finding
from forgelm.audit.matching.clues import Candidates, take_rows
from forgelm.audit.matching.engines import FOLD, Engine, EngineName, build_engine
from forgelm.audit.matching.exact import find
from forgelm.audit.matching.family import Family
from forgelm.audit.matching.fold import fold
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Scanner:
    """A table of families and the engine compiled for it. Safe to share between threads."""

    families: tuple[Family, ...]
    engine: Engine


def build_scanner(families: Sequence[Family], engine: EngineName = "arrow") -> Scanner:
    """Compile ``engine`` for ``families``; every engine gives the same findings.

    Raises:
        OptionalDependencyError: the engine's package is not installed.
        ValueError: there is no such engine.
    """
    return Scanner(tuple(families), build_engine(engine, families))


def scan_batch(texts: pa.Array | pa.ChunkedArray | Sequence[str], scanner: Scanner) -> list[tuple[int, Finding]]:
    """Return ``(row, finding)`` for everything ``find`` would find in each text, in the order of rows and text.

    ``texts`` is a string array, or a list of strings (in which lone surrogates may stand); nulls hold nothing. Patterns
    are compiled per call by the ``arrow`` engine, so batches of a few megabytes and more are fastest.

    Raises:
        TypeError: ``texts`` holds something other than strings.
    """
    array = _large_strings(texts)
    candidates = _with_folded(array, scanner)
    rows = sorted(candidates)
    given = isinstance(texts, (list, tuple))
    asked = [texts[row] for row in rows] if given else take_rows(array, rows).to_pylist()
    tables: dict[frozenset[int], tuple[Family, ...]] = {}
    found: list[tuple[int, Finding]] = []
    for row, text in zip(rows, asked, strict=True):
        key = frozenset(candidates[row])
        families = tables.get(key)
        if families is None:
            families = tables[key] = tuple(scanner.families[position] for position in sorted(key))
        found.extend((row, finding) for finding in find(text, families))
    return found


def _with_folded(array: pa.LargeStringArray, scanner: Scanner) -> Candidates:
    """Look again, in ASCII, at the rows that have digits or letters of another script."""
    candidates = scanner.engine.candidates(array)
    rows = [row for row, families in candidates.items() if FOLD in families]
    if rows:
        folded = _large_strings([fold(array[row].as_py()) for row in rows])
        for position, families in scanner.engine.candidates(folded).items():
            candidates[rows[position]] |= families
        for row in rows:
            candidates[row].discard(FOLD)
    return candidates


def _large_strings(texts: pa.Array | pa.ChunkedArray | Sequence[str]) -> pa.LargeStringArray:
    pyarrow = load_extra("pyarrow", extra="audit")
    if isinstance(texts, pyarrow.ChunkedArray):
        texts = texts.combine_chunks()
    if isinstance(texts, pyarrow.Array):
        kind = texts.type
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise TypeError(f"expected an array of strings, got {kind}")
        return texts.cast(pyarrow.large_string())
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"expected strings to search, got {type(text).__name__}")
    return pyarrow.array([_encodable(text) for text in texts], type=pyarrow.large_string())


def _encodable(text: str) -> str:
    # UTF-8 has no lone surrogates; nothing that is looked for contains one.
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
