"""Writes a checkpoint aside, seals it with the digest of every file, and puts it in its place in one step."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import UNFINISHED_CHECKPOINT, sha256_file, sync_folder, write_json
from forgelm.train.save import whole_folder

SEAL = "checkpoint_seal.json"
# Version 1 named the order of rows that was configured, or its default; since version 2 it is the one that was taken.
VERSION = 2


@contextlib.contextmanager
def sealed_checkpoint(folder: Path, identity: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the folder to write checkpoint ``folder`` into; it appears under its own name once it is whole and on disk.

    Raises:
        StorageError: it could not be written; ``folder`` is as it was.
    """
    aside = folder.parent / f"{UNFINISHED_CHECKPOINT}{folder.name}"
    with whole_folder(aside):
        shutil.rmtree(aside, ignore_errors=True)
        written = aside / folder.name
        written.mkdir(parents=True)
        yield written
        seal_folder(written, identity)
        if folder.exists():
            folder.rename(aside / "replaced")
        written.rename(folder)
        sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def seal_folder(folder: Path, identity: Mapping[str, Any]) -> None:
    """Bring every file of ``folder`` to the disk and write their digests, with what the checkpoint belongs to."""
    files = {}
    for path in _files(folder):
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
        files[path.relative_to(folder).as_posix()] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    for below in {path.parent for path in _files(folder)}:
        sync_folder(below)
    write_json(folder / SEAL, {"version": VERSION, "identity": dict(identity), "files": files})


def broken_seal(folder: Path) -> str | None:
    """Return what keeps ``folder`` from being a whole, unchanged checkpoint, or ``None``."""
    if not folder.is_dir():
        return "there is no such folder"
    try:
        seal = json.loads((folder / SEAL).read_bytes())
        wanted = {name: (entry["bytes"], entry["sha256"]) for name, entry in seal["files"].items()}
    except FileNotFoundError:
        return f"it was never completed: {SEAL} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{SEAL} cannot be read: {type(error).__name__}"
    found = {path.relative_to(folder).as_posix() for path in _files(folder)} - {SEAL}
    for name in sorted(found ^ set(wanted)):
        return f"{name} is {'missing' if name in wanted else 'not part of it'}"
    for name, (size, digest) in wanted.items():
        path = folder / name
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes instead of {size}"
        if sha256_file(path) != digest:
            return f"{name} was changed"
    return None


def read_identity(folder: Path) -> dict[str, Any]:
    """Return what the sealed checkpoint ``folder`` belongs to."""
    found: dict[str, Any] = json.loads((folder / SEAL).read_bytes())["identity"]
    return found


def read_version(folder: Path) -> int:
    """Return the version of the seal of checkpoint ``folder``."""
    return int(json.loads((folder / SEAL).read_bytes()).get("version", 1))


def check_identity(name: str, saved: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Refuse to continue checkpoint ``name``, which belongs to ``saved``, as a training that is ``identity``.

    Raises:
        ConfigError: they differ; the message names each difference.
    """
    ours = json.loads(json.dumps(dict(identity)))
    different = [name for name in sorted({*saved, *ours}) if saved.get(name) != ours.get(name)]
    if different:
        shown = [f"{name}: {saved.get(name)!r} there, {ours.get(name)!r} here" for name in different]
        raise ConfigError(
            f"cannot resume from {name}: it belongs to another training\n  " + "\n  ".join(shown),
            hint="go back to what it was trained with, or start afresh without --resume or in another output_dir",
        )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
