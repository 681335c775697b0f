"""Rows of a JSON-lines file by their id: which they are, and the file without them, every other byte as it was."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import canonical_json, replacing, sha256_bytes

_KEYS = ("id", "row_id")
_CONTENT = "content:"


@dataclass(frozen=True)
class FoundRow:
    """A row that matched: its line, from 1, its value, how many bytes it and its line end are, its own digest."""

    line: int
    value: dict[str, Any]
    size: int
    sha256: str


@dataclass(frozen=True)
class Found:
    """What a look through a corpus gave. ``rule`` says how ids were compared; ``unread`` lines are no JSON object."""

    rows: tuple[FoundRow, ...]
    rule: str
    unread: int
    sha256: str
    sha256_without: str = ""


def find_rows(corpus: Path, row_id: str) -> Found:
    """Return the rows of ``corpus`` whose ``id`` or ``row_id`` is ``row_id``, or whose content has that address.

    Only where none is exactly equal are ids compared as people would: compatibility forms, case and spaces aside. A row
    without an id has the address ``content:<digest>`` that ``row_address`` gives.

    Raises:
        ConfigError: ``corpus`` is no regular JSON-lines file.
        OSError: it cannot be read.
    """
    _check(corpus)
    exact: list[FoundRow] = []
    loose: list[FoundRow] = []
    unread, digest = 0, hashlib.sha256()
    wanted = _loosely(row_id)
    for number, line in enumerate(_lines(corpus), start=1):
        digest.update(line)
        value = read_row(line)
        if value is None:
            unread += bool(line.strip())
            continue
        names = _names(value)
        if row_id in names or (row_id.startswith(_CONTENT) and row_address(value) == row_id):
            exact.append(_found(number, value, line))
        elif any(_loosely(name) == wanted for name in names):
            loose.append(_found(number, value, line))
    rows = tuple(exact or loose)
    rule = "exact" if exact or not loose else "normalised"
    return Found(rows, rule, unread, digest.hexdigest(), _without(corpus, rows))


def remove_rows(corpus: Path, found: Found) -> None:
    """Replace ``corpus`` by itself without the rows of ``found``; a reader sees the old file or the new one.

    Raises:
        ConfigError: it is no longer the file that ``found`` was found in; nothing was changed.
        StorageError: it could not be written; nothing was changed.
    """
    target = corpus.resolve()
    state = target.stat()
    before = hashlib.sha256()
    with replacing(target) as stream:
        os.chmod(stream.name, stat.S_IMODE(state.st_mode))
        gone = {row.line for row in found.rows}
        for number, line in enumerate(_lines(target), start=1):
            before.update(line)
            if number not in gone:
                stream.write(line)
        if before.hexdigest() != found.sha256:
            raise ConfigError(f"{corpus} changed while it was being searched", hint="wait until nothing writes to it")


def row_address(value: dict[str, Any]) -> str:
    """Return how a row can be named that has no id: the digest of what it says."""
    return f"{_CONTENT}{sha256_bytes(canonical_json(value))}"


def name_row(value: dict[str, Any]) -> str:
    """Return the id of a row, its address when it has none."""
    return next(iter(_names(value)), None) or row_address(value)


def read_row(line: bytes) -> dict[str, Any] | None:
    """Return the object on a line, ``None`` when there is none."""
    try:
        value = json.loads(line.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _found(number: int, value: dict[str, Any], line: bytes) -> FoundRow:
    return FoundRow(number, value, len(line), sha256_bytes(line.rstrip(b"\r\n")))


def _without(corpus: Path, rows: tuple[FoundRow, ...]) -> str:
    if not rows:
        return ""
    gone, digest = {row.line for row in rows}, hashlib.sha256()
    for number, line in enumerate(_lines(corpus), start=1):
        if number not in gone:
            digest.update(line)
    return digest.hexdigest()


def _lines(corpus: Path) -> Iterator[bytes]:
    """Yield lines with their ends as they are; only ``\\n`` ends one."""
    with corpus.open("rb") as stream:
        yield from stream


def _names(value: dict[str, Any]) -> list[str]:
    found = [value[key] for key in _KEYS if key in value]
    return [str(name) for name in found if isinstance(name, (str, int)) and not isinstance(name, bool)]


def _loosely(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check(corpus: Path) -> None:
    if corpus.is_dir():
        raise ConfigError(f"{corpus} is a folder", hint="name one JSON-lines file: --corpus FILE")
    if not corpus.is_file():
        raise ConfigError(f"there is no file {corpus}")
    with corpus.open("rb") as stream:
        start = stream.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise ConfigError(f"{corpus} is UTF-16 text", hint="save the file as UTF-8")
    if start == b"\x1f\x8b" or corpus.suffix.lower() in (".parquet", ".csv", ".gz", ".zip"):
        raise ConfigError(
            f"{corpus} is no JSON-lines file", hint="convert it, or erase the row in what it is made from"
        )
