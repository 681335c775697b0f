"""Moves a staged model to where its verdict sends it. The only place that makes a model final."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from forgelm.base.files import RunFiles, storage_errors, sync_folder, write_json
from forgelm.gate import Verdict


class Disposition(StrEnum):
    """Where a model went."""

    PROMOTED = "promoted"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True)
class Published:
    """``path`` is where the model stands now; ``superseded`` where the one it replaced was put."""

    disposition: Disposition
    path: Path
    superseded: Path | None = None


def choose_disposition(verdict: Verdict, *, auto_revert: bool, require_human_approval: bool) -> Disposition:
    """Return where a model with this verdict goes. Pure.

    Without ``auto_revert`` a failed model keeps its place, marked as failed in card, manifest and log.
    """
    if not verdict.passed and auto_revert:
        return Disposition.REFUSED
    return Disposition.HELD if require_human_approval else Disposition.PROMOTED


def promote(files: RunFiles, run_id: str, verdict: Verdict, disposition: Disposition) -> Published:
    """Carry out ``disposition`` for the model staged by ``run_id``.

    Raises:
        StorageError: the folder could not be moved; the staged model is still in staging, and a model that stood in
            the final place still stands there.
    """
    staging = files.staging(run_id)
    if disposition is Disposition.HELD:
        return Published(disposition, staging)
    if disposition is Disposition.REFUSED:
        folder = files.quarantine(run_id)
        target = folder / files.final_model_dir
        write_json(folder / "verdict.json", verdict.as_record())
        with storage_errors(str(folder)):
            _move(staging, target)
        return Published(disposition, target)
    with storage_errors(str(files.final_model)):
        superseded = _set_aside(files, run_id)
        try:
            _move(staging, files.final_model)
        except OSError:
            if superseded is not None:
                _move(superseded, files.final_model)
            raise
    return Published(disposition, files.final_model, superseded)


def _set_aside(files: RunFiles, run_id: str) -> Path | None:
    if not os.path.lexists(files.final_model):
        return None
    target = files.superseded(run_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    _move(files.final_model, target)
    return target


def _move(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_across(source, target)
    sync_folder(target.parent)


def _move_across(source: Path, target: Path) -> None:
    """Move a folder to another file system; ``target`` appears whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(source, partial, symlinks=True)
        os.rename(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(source)
