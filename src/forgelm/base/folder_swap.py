"""Replaces a folder's files as a whole: a reader finds the old set or the new one, never some of each."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from forgelm.base.files import storage_errors, sync_folder


def replace_folder(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Make ``folder`` hold exactly ``contents`` (bytes by file name) and return the paths.

    The files are written beside it, brought to disk and put in its place by renaming. One process at a time may do
    this; a kill between the two renames leaves no folder, until ``recover_folder`` puts the old one back.

    Raises:
        StorageError: something could not be written; ``folder`` is as it was.
    """
    recover_folder(folder)
    new, old = _beside(folder, "new"), _beside(folder, "old")
    with storage_errors(str(folder)):
        try:
            new.mkdir(parents=True)
            for name, content in contents.items():
                _write(new / name, content)
            sync_folder(new)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        except BaseException:
            with contextlib.suppress(OSError):
                recover_folder(folder)
            raise
        sync_folder(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    return tuple(folder / name for name in contents)


def recover_folder(folder: Path) -> None:
    """Finish or undo a replacement of ``folder`` that was cut short: whichever whole set there is stays.

    Raises:
        StorageError: what was left behind cannot be removed or put back.
    """
    new, old = _beside(folder, "new"), _beside(folder, "old")
    with storage_errors(str(folder)):
        if old.exists():
            if folder.exists():
                shutil.rmtree(old)
            else:
                old.rename(folder)
                sync_folder(folder.parent)
        if new.exists():
            shutil.rmtree(new)


def _beside(folder: Path, word: str) -> Path:
    return folder.with_name(f".{folder.name}.{word}")


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
