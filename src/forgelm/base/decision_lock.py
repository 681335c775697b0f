"""Lets one process at a time decide about the models of a run folder and move them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from forgelm.base.errors import ConfigError, RunBusyError
from forgelm.base.files import RunFiles

_FOREVER = -1


@contextlib.contextmanager
def decision_lock(files: RunFiles, *, wait_seconds: float = _FOREVER) -> Iterator[None]:
    """Hold the lock; it ends with its holder, however that ends.

    Raises:
        RunBusyError: another process still held it after ``wait_seconds``.
        ConfigError: the lock file cannot be made.
    """
    lock = FileLock(files.approval_lock)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout as error:
        raise RunBusyError(
            f"somebody else is deciding about a model in {files.root} now",
            hint="look at 'forgelm approvals' in a moment: they may have decided what you were about to",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{files.approval_lock} cannot be locked: {error.strerror or error}",
            hint="name a run folder you may write to",
        ) from error
    try:
        yield
    finally:
        lock.release()
