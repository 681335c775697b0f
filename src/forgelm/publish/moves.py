"""Moves model folders. A folder appears whole or not at all, and nothing that stood in the way is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from forgelm.base.files import INTEGRITY_FILE, RunFiles, make_folder, storage_errors, sync_folder
from forgelm.evidence.exported import seal_digest


def seal_of(folder: Path) -> str | None:
    """Return the digest of the folder's integrity manifest, which pins every byte of a model; ``None`` without one."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return seal_digest((folder / INTEGRITY_FILE).read_bytes())
    return None


def move_to_final(files: RunFiles, run_id: str) -> Path | None:
    """Put the staged model of ``run_id`` in the final place; return where the one that stood there was put.

    Raises:
        StorageError: it could not be moved; both models are where they were.
    """
    with storage_errors(str(files.final_model)):
        superseded = _set_aside(files, run_id)
        try:
            _move(files.staging(run_id), files.final_model)
        except OSError:
            if superseded is not None:
                _move(superseded, files.final_model)
            raise
    return superseded


def move_to_quarantine(files: RunFiles, run_id: str, source: Path) -> Path:
    """Put the model in ``source`` into the quarantine of ``run_id``; return where.

    Raises:
        StorageError: it could not be moved and is where it was.
    """
    target = files.quarantine(run_id) / files.final_model_dir
    with storage_errors(str(target)):
        make_folder(target.parent)
        _move(source, target)
    return target


def remove_copied(folder: Path) -> None:
    """Remove what a move to another disk left of its source when it was cut short; the whole stands elsewhere."""
    with storage_errors(str(folder)), contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def moves_by_rename(files: RunFiles, run_id: str) -> bool:
    """Return whether the staged model becomes final by a rename, on one disk, rather than by a copy."""
    return os.stat(files.staging(run_id)).st_dev == os.stat(files.final_model.parent).st_dev


def _set_aside(files: RunFiles, run_id: str) -> Path | None:
    target, final = files.superseded(run_id), files.final_model
    if os.path.lexists(final) and _is_copied(final, target):
        remove_copied(final)
    if not os.path.lexists(final):
        return target if os.path.lexists(target) else None
    make_folder(target.parent)
    _move(final, target)
    return target


def _is_copied(source: Path, target: Path) -> bool:
    """Return whether an earlier move to another disk was killed while it removed its source."""
    if not os.path.lexists(target) or os.stat(target).st_dev == os.stat(source).st_dev:
        return False
    return seal_of(source) in (None, seal_of(target))


def _move(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_across(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def _move_across(source: Path, target: Path) -> None:
    """Move a folder to another file system; ``target`` appears whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(source, partial, symlinks=True)
        _sync_tree(partial)
        os.rename(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(target.parent)
    shutil.rmtree(source)


def _sync_tree(folder: Path) -> None:
    """A power cut after the source is removed must not find the copy still in memory."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        elif path.is_dir():
            sync_folder(path)
    sync_folder(folder)
