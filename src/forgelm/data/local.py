"""A local file or folder to the raw rows of its splits, pinned by the digest of every file read."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import DataError
from forgelm.data.fingerprint import fingerprint_file, fingerprint_folder, unchanged
from forgelm.data.folders import find_split_files
from forgelm.data.problems import join_names
from forgelm.data.rows import RawDataset, Row, name_file
from forgelm.data.split_names import choose_splits, note_unread
from forgelm.data.tables import read_parquet
from forgelm.data.text_files import FileRows, read_csv, read_json, read_json_lines, read_lines

_READERS: MappingProxyType[str, Callable[[Path, str], FileRows]] = MappingProxyType(
    {
        ".jsonl": read_json_lines,
        ".ndjson": read_json_lines,
        ".json": read_json,
        ".csv": read_csv,
        ".parquet": read_parquet,
        ".txt": read_lines,
    }
)
_OTHER_FILES = frozenset(
    {".tsv", ".xlsx", ".xls", ".gz", ".zip", ".zst", ".tar", ".arrow", ".yaml", ".yml", ".md", ".pdf"}
)
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def find_local(name: str) -> Path | None:
    """Return the path that ``name`` stands for, or ``None`` when it can only be a hub id.

    Raises:
        DataError: ``name`` is written as a path and nothing is there, with the nearest file name; or it is the
            address of a remote file system.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
        raise DataError(f"{name}: remote addresses are not read", hint="download it and give the path of the file")
    path = Path(name).expanduser() if name.startswith("~") else Path(name)
    try:
        if path.exists():
            return path
        if path.is_symlink():
            raise DataError(f"{name}: a link to {os.readlink(path)}, which does not exist")
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from error
    if _is_written_as_path(name):
        raise DataError(f"{name}: no such file or folder", hint=_suggest(path))
    return None


def find_nearest(path: Path) -> str | None:
    """Return the path of the file or folder beside ``path`` whose name is most like its own, if one is."""
    if not path.parent.is_dir():
        return None
    names = sorted(os.listdir(path.parent))
    near = difflib.get_close_matches(path.name, names, n=1)
    near = near or [item for item in names if Path(item).stem == path.stem][:1]
    return str(path.parent / near[0]) if near else None


def read_local(path: Path, name: str, *, train_only: bool) -> RawDataset:
    """Read the splits a run uses from a file or folder.

    Raises:
        DataError: a kind of file that is not read, no rows, or anything in it that cannot be parsed.
    """
    try:
        if path.is_dir():
            return _read_folder(path, name, train_only=train_only)
        return _read_single(path, name, train_only=train_only)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from error


def _suggest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist; relative paths start at {Path.cwd()}"
    near = find_nearest(path)
    return f"did you mean {near}?" if near else f"relative paths start at {Path.cwd()}"


def _is_written_as_path(name: str) -> bool:
    looks_local = name.startswith((".", "/", "~")) or "\\" in name or not _HUB_ID.fullmatch(name)
    return looks_local or Path(name).suffix.lower() in {*_READERS, *_OTHER_FILES}


def _read_single(path: Path, name: str, *, train_only: bool) -> RawDataset:
    with unchanged([path], name):
        read = _read_file(path, name)
        fingerprint = fingerprint_file(path, name)
    chosen = choose_splits(read.splits, train_only=train_only)
    splits = {split: _as_rows(read.splits[split], name, None) for split in chosen}
    _check_not_empty(splits, name)
    return RawDataset(
        name=name,
        kind="local_file",
        splits=splits,
        files=tuple((split, path.name) for split in chosen),
        notes=(*read.notes, *note_unread(name, read.splits, chosen)),
        fingerprint=fingerprint,
    )


def _read_folder(folder: Path, name: str, *, train_only: bool) -> RawDataset:
    files, notes = find_split_files(folder, name, frozenset(_READERS))
    chosen = choose_splits(files, train_only=train_only)
    used = [(split, file) for split in chosen for file in files[split]]
    splits: dict[str, list[Row]] = {split: [] for split in chosen}
    with unchanged([folder / file for _, file in used], name):
        for split, file in used:
            read = _read_file(folder / file, name_file(name, file))
            if len(read.splits) > 1:
                raise DataError(f"{name_file(name, file)}: holds several splits", hint="name this file as the dataset")
            splits[split].extend(_as_rows(read.splits["train"], name, file))
            notes.extend(read.notes)
        fingerprint = fingerprint_folder(folder, [file for _, file in used], name)
    _check_not_empty(splits, name)
    return RawDataset(
        name=name,
        kind="local_directory",
        splits=splits,
        files=tuple(used),
        notes=(*notes, *note_unread(name, files, chosen)),
        fingerprint=fingerprint,
    )


def _read_file(path: Path, name: str) -> FileRows:
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError(f"{name}: not a regular file", hint="give a file or folder that stays the same when read twice")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{name}: files of kind {path.suffix or 'no extension'} are not read",
            hint=f"convert it to one of: {join_names(_READERS)}",
        )
    return reader(path, name)


def _as_rows(numbered: list[tuple[int, Any]], name: str, part: str | None) -> list[Row]:
    return [Row(value, name, number, part) for number, value in numbered]


def _check_not_empty(splits: dict[str, list[Row]], name: str) -> None:
    for split, rows in splits.items():
        if not rows:
            where = name if split == "train" else f"{name}: its {split} split"
            raise DataError(f"{where}: holds no rows")
