"""What the user names, as the files, rows or addresses that an audit reads, in the order it reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from forgelm.audit.reading.batch import ReadBatch

Kind = Literal["lines", "document", "table", "parquet", "text", "rows"]
OpenStream: TypeAlias = Callable[[], Any]
"""Returns a new binary stream over the whole content; the caller closes it."""


@dataclass(frozen=True)
class SourceFile:
    """One file of one split. ``path`` is set for files on this machine that are not compressed.

    ``name`` is what a person calls it, ``open`` reads it from the beginning; ``rows`` holds ready Python rows with the
    place of each, for datasets that come from a library.
    """

    split: str
    name: str
    kind: Kind
    open: OpenStream | None = None
    path: Path | None = None
    size_bytes: int | None = None
    is_utf16: bool = False
    rows: Sequence[tuple[str, Any]] = ()

    @property
    def counts_lines(self) -> bool:
        """Whether rows are named by their line."""
        return self.kind in ("lines", "text")


@dataclass(frozen=True)
class Source:
    """Everything one audit reads. ``splits`` are in the order of the report.

    ``pins`` names what rows that come from a library were read from: digests of files, commits of hub datasets.
    """

    given: str
    path: str
    files: tuple[SourceFile, ...]
    is_folder: bool = False
    notes: tuple[str, ...] = ()
    pins: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.split for file in self.files))

    def find_path(self, file: SourceFile) -> Path:
        """Return where a file of this machine lies."""
        return Path(self.path, file.name) if self.is_folder else Path(self.path)


@dataclass(frozen=True)
class Block:
    """A part of file number ``file`` that is read at once: a range of bytes or row groups, or what was read already.

    The blocks of a file are numbered; where they begin depends on the file alone, so that an audit gives the same
    report however its blocks are spread.
    """

    file: int
    number: int
    begin: int = 0
    end: int = 0
    data: bytes | None = field(default=None, repr=False)
    batches: tuple[ReadBatch, ...] = field(default=(), repr=False)
