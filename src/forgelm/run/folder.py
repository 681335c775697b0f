"""Opens a run folder for one process at a time, after showing that it can be written to."""

from __future__ import annotations

import contextlib
import glob
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from forgelm.base.errors import ConfigError, RunBusyError
from forgelm.base.files import INTEGRITY_FILE, UNFINISHED_CHECKPOINT, RunFiles, describe_obstacle
from forgelm.base.folder_swap import recover_folder
from forgelm.config.root import ForgeConfig

logger = logging.getLogger(__name__)


def run_files(config: ForgeConfig) -> RunFiles:
    """Return the paths of the run this configuration describes; relative ones are made absolute now."""
    return RunFiles(Path(config.training.output_dir).absolute(), config.training.final_model_dir)


@contextlib.contextmanager
def open_folder(files: RunFiles) -> Iterator[None]:
    """Hold the run folder, made when missing.

    Raises:
        ConfigError: the folder cannot be made or written to.
        RunBusyError: another process holds it.
    """
    check_writable(files.root)
    lock = FileLock(files.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunBusyError(
            f"another run is using {files.root}",
            hint="wait for it to end, or give this run its own training.output_dir",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{files.lock} cannot be locked: {error.strerror or error}",
            hint="choose a folder you may write to, or remove that file when no run is using it",
        ) from error
    try:
        yield
    finally:
        lock.release()


def remove_unfinished(files: RunFiles) -> tuple[str, ...]:
    """Remove unsealed staging folders and half-written checkpoints that a killed run left, and return their names.

    The caller holds the folder. Documents whose replacement was cut short are put in order as well.
    """
    recover_folder(files.compliance)
    staged = files.root.glob(f"{glob.escape(files.final_model_dir)}.staging.*")
    left = [path for path in sorted(staged) if path.is_dir() and not (path / INTEGRITY_FILE).exists()]
    left += [path for path in sorted(files.root.glob(f"{UNFINISHED_CHECKPOINT}*")) if path.is_dir()]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
        logger.warning("removed %s, which a run left unfinished", path)
    return tuple(path.name for path in left)


def check_writable(folder: Path, name: str = "training.output_dir") -> None:
    """Make ``folder`` and write to it once, so that a run does not find out after training; errors call it ``name``.

    Raises:
        ConfigError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".forgelm."):
            pass
    except OSError as error:
        raise ConfigError(
            f"{name} {folder} cannot be written to: {describe_obstacle(folder / 'x') or error.strerror or error}",
            hint="choose a folder you may write to",
        ) from error
