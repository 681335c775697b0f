"""Finds the values of a table of families in a batch of texts: an engine picks the rows, the exact rule decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forgelm.audit.findings import Finding
from forgelm.audit.matching.clues import Candidates
from forgelm.audit.matching.engines import FOLD, Engine, EngineName, build_engine
from forgelm.audit.matching.exact import Claim, find_claims
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
    return [(row, claim.describe(text)) for row, text, claims in claim_batch(texts, scanner) for claim in claims]


def claim_batch(
    texts: pa.Array | pa.ChunkedArray | Sequence[str], scanner: Scanner
) -> Iterator[tuple[int, str, Iterator[Claim]]]:
    """Yield ``(row, text, claims)`` of the rows that may hold something: ``scan_batch``, with nothing kept.

    Raises:
        TypeError: ``texts`` holds something other than strings.
    """
    array = _large_strings(texts)
    candidates = _with_folded(array, scanner)
    given = texts if isinstance(texts, (list, tuple)) else None
    tables: dict[frozenset[int], tuple[Family, ...]] = {}
    for row in sorted(candidates):
        key = frozenset(candidates[row])
        families = tables.get(key)
        if families is None:
            families = tables[key] = tuple(scanner.families[position] for position in sorted(key))
        text = array[row].as_py() if given is None else given[row]
        yield row, text, find_claims(text, families)


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
