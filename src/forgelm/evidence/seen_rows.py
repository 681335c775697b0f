"""Records which rows a run saw, row by row in constant memory, and reads it back.

A gzip file of JSON lines: one header, then ``["file", index, source, part]`` where a new file begins and
``["row", file, number, split, trained, tokens, digest]`` for every row read.
"""

from __future__ import annotations

import gzip
import hmac
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from forgelm.base.errors import IntegrityError
from forgelm.base.files import RunFiles, canonical_json, replacing
from forgelm.config.multimodal import MultimodalConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import PreparedData, Row
from forgelm.evidence.subjects import SubjectKeys
from forgelm.train.tokenise import Example, TokenisedSplit

_FORMAT = 1
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class SeenRow:
    """One row a run read. ``split`` is train, validation or skipped; ``tokens`` went into a step when ``trained``.

    ``digest`` (HMAC-SHA256 under the folder's content key, 32 hex digits) is that of the normalised row; ``None`` for a
    row that was skipped before it was one.
    """

    source: int
    part: str | None
    number: int
    split: str
    trained: bool
    tokens: int
    digest: str | None


@dataclass(frozen=True)
class SeenRows:
    """What a run saw: ``header`` names run, base model and sources; ``rows`` reads the file once more each time."""

    path: Path
    header: dict[str, Any]

    def rows(self) -> Iterator[SeenRow]:
        """Yield every row in the order of the file.

        Raises:
            IntegrityError: the file is damaged.
        """
        files: dict[int, tuple[int, str | None]] = {}
        for entry in _read(self.path):
            if isinstance(entry, list) and entry[0] == "file":
                files[entry[1]] = (entry[2], entry[3])
            elif isinstance(entry, list):
                _, file, number, split, trained, tokens, digest = entry
                yield SeenRow(*files[file], number, split, bool(trained), tokens, digest)


def write_seen_rows(
    files: RunFiles, run_id: str, config: ForgeConfig, prepared: PreparedData, train: TokenisedSplit
) -> Path:
    """Write which rows ``run_id`` read, trained on, measured on and left out; return the path.

    Raises:
        StorageError: it could not be written.
    """
    path, key = files.seen_rows(run_id), SubjectKeys(files.root).make_content_key()
    with replacing(path) as stream, gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        writer = _Writer(packed, [source.name for source in prepared.sources])  # type: ignore[arg-type]
        writer.put(_header(run_id, config, prepared))
        for row, tokens in _with_tokens(prepared.train, train.examples):
            writer.row(row, "train", tokens, digest_row(key, row.value))
        for row in prepared.validation or ():
            writer.row(row, "validation", None, digest_row(key, row.value))
        for skipped in prepared.skipped:
            writer.row(Row({}, skipped.source, skipped.number, skipped.part), "skipped", None, None)
    return path


def open_seen_rows(path: Path) -> SeenRows:
    """Return the record at ``path``.

    Raises:
        IntegrityError: it is damaged.
        OSError: it cannot be read.
    """
    header = next(_read(path), None)
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise IntegrityError(f"{path} is no record of the rows a run saw")
    return SeenRows(path, header)


def digest_row(key: bytes, value: dict[str, Any]) -> str:
    """Return the digest of a normalised row: the same content has the same one wherever it stands."""
    return hmac.digest(key, canonical_json(value), "sha256")[:_DIGEST_BYTES].hex()


class _Writer:
    """Writes entries, and names each file when its first row comes."""

    def __init__(self, stream: BinaryIO, sources: list[str]) -> None:
        self._stream = stream
        self._sources = {name: index for index, name in enumerate(sources)}
        self._files: dict[tuple[str, str | None], int] = {}

    def put(self, entry: Any) -> None:
        self._stream.write(canonical_json(entry) + b"\n")

    def row(self, row: Row, split: str, tokens: int | None, digest: str | None) -> None:
        file = (row.source, row.part)
        if file not in self._files:
            self._files[file] = len(self._files)
            self.put(["file", self._files[file], self._sources[row.source], row.part])
        self.put(["row", self._files[file], row.number, split, tokens is not None, tokens or 0, digest])


def _header(run_id: str, config: ForgeConfig, prepared: PreparedData) -> dict[str, Any]:
    base = Path(config.model.name_or_path)
    return {
        "format": _FORMAT,
        "run_id": run_id,
        "config_hash": config.config_hash,
        "base_model": config.model.name_or_path,
        "base_model_path": str(base.resolve()) if base.exists() else None,
        "data": config.data.model_dump(mode="json"),
        "images": _written(config.model.images),
        "sources": [
            {
                "name": source.name,
                "path": str(Path(source.name).resolve()) if source.kind.startswith("local") else None,
                "sha256": _digests(source.fingerprint),
            }
            for source in prepared.sources
        ],
    }


def _written(section: MultimodalConfig | None) -> dict[str, Any] | None:
    """Return how images are read, as it was written: a column that is named counts, one by default does not."""
    return section.model_dump(mode="json", exclude_unset=True) if section is not None else None


def _digests(fingerprint: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file of a source, by its path in the folder; ``""`` is a source that is one file."""
    if "files" in fingerprint:
        return {item["path"]: item["sha256"] for item in fingerprint["files"]}
    return {"": fingerprint["sha256"]} if "sha256" in fingerprint else {}


def _with_tokens(rows: Iterable[Row], examples: Iterable[Example]) -> Iterator[tuple[Row, int | None]]:
    """Pair rows with the tokens they are trained with; examples come in the order of the rows, without the dropped."""
    remaining = iter(examples)
    example = next(remaining, None)
    for row in rows:
        if example is not None and example.row is row:
            yield row, len(example.input_ids)
            example = next(remaining, None)
        else:
            yield row, None


def _read(path: Path) -> Iterator[Any]:
    try:
        with gzip.open(path, "rb") as stream:
            for line in stream:
                yield json.loads(line)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise IntegrityError(f"{path} is damaged: {error}") from None
