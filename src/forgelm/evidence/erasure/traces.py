"""Where else a row's text is: rows a teacher made of it, what is kept beside generated rows, the same text ingested."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.files import replacing, sha256_bytes
from forgelm.data.synthesis.generate import alone
from forgelm.data.synthesis.outcome import SynthesisFiles
from forgelm.evidence.erasure.rows import FoundRow, read_row

_LOG = "audit_log.jsonl"


@dataclass(frozen=True)
class Trace:
    """A file that holds what an erased row said, and the lines, from 1."""

    file: Path
    lines: tuple[int, ...]


def find_generated(folders: Iterable[Path], rows: Sequence[FoundRow]) -> list[Trace]:
    """Return the rows below ``folders`` that a teacher made of a prompt that stands in one of ``rows``.

    Raises:
        OSError: a record of where rows came from cannot be read.
    """
    digests = {sha256_bytes(text.encode("utf-8", "backslashreplace")) for row in rows for text in _texts(row.value)}
    found = []
    for record in _each(folders, "*.provenance"):
        origins = [read_row(line) for line in _lines(record)]
        lines = [number for number, one in enumerate(origins, start=1) if one and one.get("prompt_sha256") in digests]
        if lines:
            found.append(Trace(record.with_name(record.name.removesuffix(".provenance")), tuple(lines)))
    return found


def find_same_text(folders: Iterable[Path], corpus: Path, rows: Sequence[FoundRow]) -> list[Trace]:
    """Return where files below ``folders`` hold the ingested text of one of ``rows``, by its content id.

    Raises:
        OSError: a file cannot be read.
    """
    ids = {str(row.value.get("id")).encode("utf-8", "replace") for row in rows if _is_ingested(row.value)}
    found = []
    for path in _each(folders, "*.jsonl") if ids else ():
        if path.resolve() != corpus.resolve() and path.name != _LOG:
            lines = [n for n, line in enumerate(_lines(path), start=1) if any(each in line for each in ids)]
            found += [Trace(path, tuple(lines))] if lines else []
    return found


def erase_beside(corpus: Path, rows: Sequence[FoundRow]) -> list[Path]:
    """Erase what is kept beside generated ``rows``: their replies, however often given, then where they came from.

    Returns the files that were changed, none where ``corpus`` is not from ``--generate-data``. It comes before the
    rows themselves, so that whoever finds those gone finds these gone too.

    Raises:
        RunBusyError: a command is generating rows into ``corpus`` now.
        StorageError: a file could not be written; it is as it was.
    """
    files = SynthesisFiles(corpus.resolve())
    if not files.provenance.is_file():
        return []
    with alone(files):
        digests = {row.sha256 for row in rows}
        origins = _read(files.provenance)
        keys = {one.get("request_sha256") for one in origins if one.get("row_sha256") in digests}
        replies = _read(files.replies) if files.replies.is_file() else []
        texts = {_same(said) for said in replies if said.get("key") in keys}
        kept = [said for said in replies if _same(said) not in texts]
        left = [one for one in origins if one.get("row_sha256") not in digests]
        changed = []
        if len(kept) < len(replies):
            changed.append(_write(files.replies, kept, ascii_only=True))
        if len(left) < len(origins):
            # Line by line the same as the rows, which are about to be fewer.
            numbered = [{**one, "row": number} for number, one in enumerate(left, start=1)]
            changed.append(_write(files.provenance, numbered, ascii_only=False))
    return changed


def _read(path: Path) -> list[dict[str, Any]]:
    return [value for line in _lines(path) if (value := read_row(line)) is not None]


def _write(path: Path, values: Sequence[dict[str, Any]], *, ascii_only: bool) -> Path:
    mode = stat.S_IMODE(path.stat().st_mode)
    with replacing(path) as stream:
        os.chmod(stream.name, mode)
        for value in values:
            line = json.dumps(value, ensure_ascii=ascii_only) + "\n"
            stream.write(line.encode("utf-8", "backslashreplace"))
    return path


def _same(said: dict[str, Any]) -> str:
    return " ".join(str(said.get("text")).split())


def _is_ingested(value: dict[str, Any]) -> bool:
    text = value.get("text")
    return isinstance(text, str) and value.get("id") == sha256_bytes(text.encode("utf-8", "backslashreplace"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _each(folders: Iterable[Path], pattern: str) -> list[Path]:
    return sorted({path.resolve() for folder in folders for path in folder.glob(pattern) if path.is_file()})


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from stream
