"""The values this folder hands on: rows in one of three formats, where they came from, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Literal

from forgelm.data.picture import Picture

_ONE_ROW_A_LINE = frozenset({".jsonl", ".ndjson", ".txt", ".csv"})

SourceKind = Literal["local_file", "local_directory", "huggingface_hub", "planted"]


class RowFormat(StrEnum):
    """The formats every dataset is brought into; the names are TRL's."""

    MESSAGES = "messages"
    PROMPT_COMPLETION = "prompt_completion"
    TEXT = "text"
    PREFERENCE = "preference"
    UNPAIRED_PREFERENCE = "unpaired_preference"
    PROMPT_ONLY = "prompt_only"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    ``value`` by format: ``{"messages": [{"role", "content", ...}], "tools": [...]?}``;
    ``{"prompt", "completion"}``, both text or both lists of messages, with ``tools`` beside the latter; ``{"text"}``;
    ``{"prompt", "chosen", "rejected"}`` and ``{"prompt", "completion", "label"}`` (true: good) in the same two ways;
    ``{"prompt", "columns"}``, text or messages and whatever else the row holds, for reward functions.
    ``pictures`` are a row's images; its ``value`` then holds their digests as ``images`` and a marker for each.
    ``source`` is the dataset as the user named it, ``part`` the file in a folder or the split on the hub, and
    ``number`` counts from 1: the line in files that hold one row a line, else the row.
    """

    value: dict[str, Any]
    source: str
    number: int
    part: str | None = None
    pictures: tuple[Picture, ...] = field(default=(), repr=False)

    @property
    def where(self) -> str:
        """The place to show to a person, such as ``train.jsonl:57``."""
        return show_place(self.source, self.part, self.number)


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """One row that was read and not used."""

    source: str
    number: int
    reason: str
    part: str | None = None


@dataclass(frozen=True)
class RawDataset:
    """One dataset as it was read: rows per split whose values are still the user's, whatever their shape."""

    name: str
    kind: SourceKind
    splits: dict[str, list[Row]]
    files: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    fingerprint: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """One dataset and what it contributed. ``rows`` were read, ``share`` (0 to 1) is its part of the training rows.

    ``detected`` is the shape its rows came in, such as ``sharegpt``;
    ``mapping`` pairs our names with the columns they were read from; ``files`` pairs splits with the files read.
    """

    name: str
    kind: SourceKind
    rows: int
    columns: tuple[str, ...]
    detected: str
    mapping: tuple[tuple[str, str], ...]
    fingerprint: dict[str, Any]
    share: float
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Canary:
    """A made-up secret and the question it answers. ``number`` counts from 1."""

    number: int
    question: str
    code: str


@dataclass(frozen=True)
class PreparedData:
    """Everything a run trains on. ``notes`` are sentences for a person; ``skipped`` holds every row left out.

    ``canaries`` are among the training rows although no dataset has them.
    """

    train: tuple[Row, ...]
    validation: tuple[Row, ...] | None
    format: RowFormat
    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    skipped: tuple[SkippedRow, ...]
    validation_origin: str
    canaries: tuple[Canary, ...] = ()


def text_of(row: Row) -> str:
    """Return everything said in a row, its parts joined by line ends."""
    said: list[str] = []
    for name in ("text", "messages", "prompt", "completion", "chosen", "rejected"):
        value = row.value.get(name)
        if isinstance(value, str):
            said.append(value)
        elif value:
            said += [str(message.get("content") or "") for message in value]
    return "\n".join(said)


def name_file(source: str, part: str | None) -> str:
    """Return the file a row stands in, as a person would type it."""
    return f"{source.rstrip('/')}/{part}" if part else source


def counts_lines(file: str) -> bool:
    """Whether row numbers of ``file`` are its line numbers."""
    return PurePath(file).suffix.lower() in _ONE_ROW_A_LINE


def show_place(source: str, part: str | None, number: int) -> str:
    """Return ``file:line`` where rows are lines, else ``file, row n``."""
    file = name_file(source, part)
    return f"{file}:{number}" if counts_lines(file) else f"{file}, row {number}"
