"""Finds the checkpoint a run continues from, and keeps, deletes or archives the checkpoints of a folder."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tarfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_file, storage_errors, sync_folder, write_text
from forgelm.train.seal import broken_seal

logger = logging.getLogger(__name__)

AUTO = "auto"
_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Found:
    """The checkpoint to continue from (``None``: start fresh) and what was passed over, with the reason."""

    path: Path | None
    skipped: tuple[tuple[str, str], ...] = ()


def list_checkpoints(folder: Path) -> list[Path]:
    """Return ``checkpoint-N`` folders, oldest step first."""
    found = [(int(match[1]), path) for path in folder.glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found) if path.is_dir()]


def step_of(checkpoint: Path) -> int:
    """Return the number of optimizer steps that a folder ``checkpoint-N`` stands after.

    Raises:
        ConfigError: it has another name.
    """
    match = _NAME.fullmatch(checkpoint.name)
    if match is None:
        raise ConfigError(f"{checkpoint.name} is no name of a checkpoint", hint="name a folder checkpoint-N")
    return int(match[1])


def find_checkpoint(output_dir: Path, resume: str | None) -> Found:
    """Return what ``--resume`` means: ``None`` nothing, ``"auto"`` the newest valid one, otherwise a path.

    Raises:
        ConfigError: an explicit path is not a checkpoint that is whole and unchanged.
    """
    if resume is None:
        return Found(None)
    if resume != AUTO:
        path = Path(resume)
        if problem := broken_seal(path):
            raise ConfigError(
                f"cannot resume from {path}: {problem}", hint="name a folder checkpoint-N, or use --resume"
            )
        return Found(path)
    skipped: list[tuple[str, str]] = []
    for path in reversed(list_checkpoints(output_dir)):
        problem = broken_seal(path)
        if problem is None:
            return Found(path, tuple(skipped))
        logger.warning("checkpoint %s is not valid and is passed over: %s", path, problem)
        skipped.append((path.name, problem))
    logger.warning("there is no valid checkpoint in %s; starting from the beginning", output_dir)
    return Found(None, tuple(skipped))


def manage_checkpoints(checkpoint_dir: str, action: str = "keep") -> None:
    """Keep, delete or compress the ``checkpoint-N`` folders in ``checkpoint_dir``.

    ``compress`` writes ``checkpoints_<epoch seconds>_<6 hex>.tar.gz`` with a ``.sha256`` beside ``checkpoint_dir``,
    checks it by reading, and only then removes the folders.

    Raises:
        ConfigError: ``action`` is unknown or the folder does not exist.
        StorageError: the archive could not be written; the checkpoints are untouched.
    """
    folder = Path(checkpoint_dir)
    if action not in ("keep", "delete", "compress"):
        raise ConfigError(f"unknown action {action!r}", hint="one of: keep, delete, compress")
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}")
    checkpoints = list_checkpoints(folder)
    if action == "keep" or not checkpoints:
        return
    with storage_errors(f"the checkpoints of {folder}"):
        if action == "compress":
            _archive(folder, checkpoints)
        for path in checkpoints:
            shutil.rmtree(path)


def _archive(folder: Path, checkpoints: list[Path]) -> None:
    stem = f"checkpoints_{int(time.time())}_{uuid.uuid4().hex[:6]}.tar.gz"
    target = folder.resolve().parent / stem
    partial = target.with_name(f".{stem}.tmp")
    try:
        with tarfile.open(partial, "w:gz") as archive:
            for path in checkpoints:
                archive.add(path, arcname=path.name)
        with tarfile.open(partial) as archive:
            for member in archive:
                if member.isfile() and (stream := archive.extractfile(member)) is not None:
                    while stream.read(1 << 20):
                        pass
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(target)
        sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)
    write_text(target.with_name(f"{stem}.sha256"), f"{sha256_file(target)}  {stem}\n")
