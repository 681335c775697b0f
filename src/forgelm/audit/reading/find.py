"""A name (file, folder, address or hub id) to the files of its splits."""

from __future__ import annotations

import codecs
import json
import re
import stat
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from forgelm.audit.reading.source import Kind, Source, SourceFile
from forgelm.audit.reading.streams import COMPRESSIONS, open_address, open_path, open_system
from forgelm.base.errors import DataError
from forgelm.data.fingerprint import list_pins
from forgelm.data.folders import is_data_file, list_files
from forgelm.data.hub import read_hub
from forgelm.data.local import find_local
from forgelm.data.problems import join_names
from forgelm.data.rows import PreparedData, Row
from forgelm.data.split_names import split_of

_KINDS: MappingProxyType[str, Kind] = MappingProxyType(
    {
        ".jsonl": "lines",
        ".ndjson": "lines",
        ".json": "document",
        ".csv": "table",
        ".tsv": "table",
        ".parquet": "parquet",
        ".txt": "text",
    }
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SHARD = re.compile(r"(?:[-_.]?\d+)(?:-of-\d+)?$")
_ORDER = ("train", "validation", "test")
_SNIFFED = 1 << 16


def find_source(name: str, *, offline: bool = False, token: str | None = None) -> Source:
    """Return what ``name`` stands for: a local file or folder, an fsspec address, else a dataset on the hub.

    Raises:
        DataError: there is nothing of that name, or nothing in it that can be read.
    """
    if _ADDRESS.match(name):
        return _find_address(name)
    path = find_local(name)
    if path is None:
        return _from_hub(name, offline=offline, token=token)
    try:
        if path.is_dir():
            return _find_folder(path, name)
        file = _describe(path, path.name, "train")
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from error
    return Source(name, str(path.resolve()), (file,), notes=_note_utf16([file]))


def source_of_run(prepared: PreparedData, name: str) -> Source:
    """Return the rows a run trains on, and those it holds out, as they were mixed and normalised."""
    files = [_of_rows("train", "training rows", prepared.train)]
    if prepared.validation:
        files.append(_of_rows("validation", "validation rows", prepared.validation))
    pins = {source.name: source.fingerprint for source in prepared.sources}
    return Source(name, name, tuple(files), notes=prepared.notes, pins=_name_pins(pins))


def _name_pins(fingerprints: Mapping[str, dict[str, Any]]) -> dict[str, str | None]:
    return {
        name if not number else f"{name} ({number + 1})": pin
        for name, fingerprint in fingerprints.items()
        for number, pin in enumerate(list_pins(fingerprint))
    }


def _from_hub(name: str, *, offline: bool, token: str | None) -> Source:
    raw = read_hub(name, train_only=False, offline=offline, token=token)
    files = tuple(_of_rows(split, split, rows) for split, rows in raw.splits.items())
    return Source(name, name, files, notes=raw.notes, pins=_name_pins({name: raw.fingerprint}))


def _of_rows(split: str, name: str, rows: Sequence[Row]) -> SourceFile:
    return SourceFile(split, name, "rows", rows=tuple((row.where, row.value) for row in rows))


def _find_folder(folder: Path, name: str) -> Source:
    found = sorted(list_files(folder))
    data = [file for file in found if is_data_file(_strip_compression(file), frozenset(_KINDS))]
    if not data:
        raise DataError(
            f"{name}: no data file in this folder (found: {join_names(found) or 'nothing'})",
            hint=f"put files of these kinds there: {join_names(_KINDS)}",
        )
    splits, notes = _sort_files(data, name)
    files = [_describe(folder / file, file, split) for split, names in splits.items() for file in names]
    return Source(name, str(folder.resolve()), tuple(files), is_folder=True, notes=(*notes, *_note_utf16(files)))


def _sort_files(data: Sequence[str], name: str) -> tuple[dict[str, list[str]], list[str]]:
    """Give every file its split; of several sets of files for one split the first is taken."""
    sets: dict[str, dict[str, list[str]]] = {}
    unnamed = []
    for file in data:
        split = _split_of_path(file)
        if split is None:
            unnamed.append(file)
        else:
            sets.setdefault(split, {}).setdefault(_set_of(file), []).append(file)
    if not sets:
        each = {_stem(file) if len({_stem(one) for one in data}) == len(data) else file: [file] for file in data}
        return each, [f"{name}: no file is named after a split, so each is audited as one: {join_names(each)}"]
    splits, notes = {}, []
    for split in sorted(sets, key=_ORDER.index):
        first, *others = sets[split].values()
        splits[split] = first
        if others:
            left = join_names(file for files in others for file in files)
            notes.append(f"{name}: {split} is read from {join_names(first)}; not read: {left}")
    if unnamed:
        notes.append(f"{name}: not read, as no split is in the name: {join_names(unnamed)}")
    return splits, notes


def _split_of_path(file: str) -> str | None:
    path = PurePosixPath(_strip_compression(file))
    names = (path.stem, *reversed(path.parts[:-1]))
    return next((split for split in map(split_of, names) if split), None)


def _set_of(file: str) -> str:
    """Return what files that are parts of one have in common: the name without its part's number."""
    path = PurePosixPath(_strip_compression(file))
    stem = _SHARD.sub("", path.stem)
    return str(path.parent / f"{stem if split_of(path.stem) else ''}{path.suffix}")


def _describe(path: Path, name: str, split: str) -> SourceFile:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{name}: not a regular file", hint="give a file or folder that stays the same when read twice")
    compression = COMPRESSIONS.get(path.suffix.lower())
    opened = partial(open_path, path, compression)
    kind = _kind_of(name)
    with opened() as stream:
        head = stream.read(_SNIFFED)
    is_utf16 = kind != "parquet" and head.startswith(_UTF16)
    if kind == "document" and not is_utf16 and _holds_lines(head):
        kind = "lines"
    plain = None if compression else path
    return SourceFile(split, name, kind, opened, plain, status.st_size, is_utf16)


def _find_address(address: str) -> Source:
    files, notes = _list_address(address)
    described = []
    for split, names in files.items():
        for name in names:
            full = address if name == PurePosixPath(address).name else f"{address.rstrip('/')}/{name}"
            compression = COMPRESSIONS.get(PurePosixPath(name).suffix.lower())
            opened = partial(open_address, full, compression)
            kind = _kind_of(name)
            with opened() as stream:
                head = stream.read(_SNIFFED)
            is_utf16 = kind != "parquet" and head.startswith(_UTF16)
            kind = "lines" if kind == "document" and not is_utf16 and _holds_lines(head) else kind
            described.append(SourceFile(split, name, kind, opened, is_utf16=is_utf16))
    return Source(address, address, tuple(described), notes=(*notes, *_note_utf16(described)))


def _list_address(address: str) -> tuple[dict[str, list[str]], list[str]]:
    name = PurePosixPath(address).name
    if PurePosixPath(_strip_compression(name)).suffix.lower() in _KINDS:
        return {"train": [name]}, []
    system, root = open_system(address)
    try:
        found = sorted(str(path).removeprefix(root).lstrip("/") for path in system.find(root))
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: cannot be listed: {error}") from error
    data = [file for file in found if is_data_file(_strip_compression(file), frozenset(_KINDS))]
    if not data:
        raise DataError(f"{address}: no data file there (found: {join_names(found) or 'nothing'})")
    return _sort_files(data, address)


def _kind_of(name: str) -> Kind:
    suffix = PurePosixPath(_strip_compression(name)).suffix.lower()
    kind = _KINDS.get(suffix)
    if kind is None:
        raise DataError(
            f"{name}: files of kind {suffix or 'no extension'} are not read",
            hint=f"convert it to one of: {join_names(_KINDS)}, as it is or compressed ({join_names(COMPRESSIONS)})",
        )
    if kind == "parquet" and suffix != PurePosixPath(name).suffix.lower():
        raise DataError(f"{name}: a compressed Parquet file", hint="unpack it: Parquet compresses by itself")
    return kind


def _strip_compression(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in COMPRESSIONS and path.stem else name


def _stem(file: str) -> str:
    return PurePosixPath(_strip_compression(file)).stem


def _holds_lines(head: bytes) -> bool:
    """Whether the first line is an object by itself and another follows, as in JSON lines."""
    first, _, rest = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        return False


def _note_utf16(files: Sequence[SourceFile]) -> tuple[str, ...]:
    return tuple(
        f"{file.name}: is UTF-16 text and was read as such; training wants UTF-8" for file in files if file.is_utf16
    )
