"""Finished blocks of an audit to files in its output folder, so that an audit that was stopped goes on where it was."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.croissant.column_types import ColumnType
from forgelm.audit.duplicates.contamination import Contamination
from forgelm.audit.findings import Severity
from forgelm.audit.language import LanguageSample
from forgelm.audit.reading.batch import Problems
from forgelm.audit.reading.source import Block, Source, SourceFile
from forgelm.audit.report.parts import Category
from forgelm.audit.rows.arrays import np
from forgelm.audit.rows.state import KeptRows
from forgelm.audit.scan.leaves import ColumnFacts
from forgelm.audit.scan.state import LocalFinding, PartState, Stretch
from forgelm.base.files import canonical_json, sha256_bytes

LEAST_BYTES = 256 << 20

_PREFIX = ".forgelm-audit-"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class _Facts:
    """What a state holds beside arrays, in forms that JSON has."""

    stretches: list[tuple[int, int, tuple[int, int] | None]]
    blank: int
    findings: tuple[LocalFinding, ...]
    found: list[tuple[Category, str, Severity, int]]
    problems: Problems
    columns: dict[str, ColumnFacts]
    names: tuple[str, ...]
    types: dict[str, ColumnType]
    languages: LanguageSample
    turns: TurnSummary
    contamination: tuple[Contamination, ...]
    contaminated: dict[str, int]


class Shelf:
    """States by file and block, in a folder of their own for every set of files and options.

    Losing it only costs time, so nothing is forced to disk, and a file that cannot be written or read is none.
    """

    def __init__(self, output: Path, source: Source, options: Sequence[Any]) -> None:
        self._output = output
        self._numbers = {id(file): number for number, file in enumerate(source.files)}
        self.folder = output / f"{_PREFIX}{_identify(source, options)[:16]}"

    def recall(self, file: SourceFile, block: Block) -> PartState | None:
        """Return the state of a block that was finished before, if it was."""
        with contextlib.suppress(*_UNREADABLE):
            return _decode(self._path(file, block).read_bytes())
        return None

    def remember(self, file: SourceFile, block: Block, state: PartState) -> None:
        """Keep the state of a block."""
        path = self._path(file, block)
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
            temporary.write_bytes(_encode(state))
            os.replace(temporary, path)

    def clear(self) -> None:
        """Remove what audits into this folder have kept."""
        for folder in self._output.glob(f"{_PREFIX}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _path(self, file: SourceFile, block: Block) -> Path:
        return self.folder / f"{self._numbers[id(file)]}-{block.number}.npz"


def is_worth_keeping(source: Source, least_bytes: int = LEAST_BYTES) -> bool:
    """Whether the files on this machine are so large that doing the work twice would hurt."""
    return sum(file.size_bytes or 0 for file in source.files) >= least_bytes


def _identify(source: Source, options: Sequence[Any]) -> str:
    stamps = []
    for file in source.files:
        modified = source.find_path(file).stat().st_mtime_ns if file.size_bytes is not None else None
        stamps.append([file.split, file.name, file.kind, file.size_bytes, modified])
    described = [asdict(one) if is_dataclass(one) and not isinstance(one, type) else one for one in options]
    return sha256_bytes(canonical_json([version("forgelm"), source.path, stamps, described]))


def _encode(state: PartState) -> bytes:
    facts = _Facts(
        stretches=[(stretch.rows, stretch.lines, stretch.span) for stretch in state.stretches],
        blank=state.blank,
        findings=state.findings,
        found=[(*key, count) for key, count in state.found.items()],
        problems=state.problems,
        columns=dict(state.columns),
        names=state.names,
        types=dict(state.types),
        languages=state.languages,
        turns=state.turns,
        contamination=state.contamination,
        contaminated=dict(state.contaminated),
    )
    packed = zlib.compress(TypeAdapter(_Facts).dump_json(facts), 1)
    arrays: dict[str, Any] = {"facts": np.frombuffer(packed, np.uint8)}
    for number, kept in enumerate(state.kept):
        arrays |= {f"kept{number}.{column.name}": getattr(kept, column.name) for column in fields(KeptRows)}
    for number, stretch in enumerate(state.stretches):
        if stretch.places is not None:
            arrays[f"places{number}"] = stretch.places
    arrays |= {f"tokens{number}": lengths for number, lengths in enumerate(state.token_lengths)}
    arrays |= {f"prompts{number}": prompts for number, prompts in enumerate(state.prompts)}
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _decode(data: bytes) -> PartState:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        facts = TypeAdapter(_Facts).validate_json(zlib.decompress(arrays["facts"].tobytes()))

        def series(name: str) -> tuple[Any, ...]:
            count = sum(key.startswith(name) for key in arrays)
            return tuple(arrays[f"{name}{number}"] for number in range(count))

        kept = sum(key.endswith(".digest") for key in arrays)
        return PartState(
            kept=tuple(
                KeptRows(*(arrays[f"kept{number}.{column.name}"] for column in fields(KeptRows)))
                for number in range(kept)
            ),
            stretches=tuple(
                Stretch(rows, lines, arrays.get(f"places{number}"), span)
                for number, (rows, lines, span) in enumerate(facts.stretches)
            ),
            blank=facts.blank,
            findings=facts.findings,
            found=Counter({(category, kind, severity): count for category, kind, severity, count in facts.found}),
            problems=facts.problems,
            columns=facts.columns,
            names=facts.names,
            types=facts.types,
            languages=facts.languages,
            turns=facts.turns,
            token_lengths=series("tokens"),
            prompts=series("prompts"),
            contamination=facts.contamination,
            contaminated=Counter(facts.contaminated),
        )
