"""Keeps other processes from writing a file: flock on the file itself, or a lock file beside it on Windows.

``flock`` costs 1 µs where a lock library costs 70 µs (an append with its sync: 30 to 200 µs), leaves no lock file in
the evidence, and is the lock that other writers of this log format take on the same file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    from filelock import FileLock

    class ProcessLock:
        """An exclusive lock on the file at ``path``, held by one process at a time."""

        def __init__(self, path: Path) -> None:
            self._lock = FileLock(f"{path}.lock", thread_local=False)

        def acquire(self, handle: int) -> None:
            self._lock.acquire()

        def release(self, handle: int) -> None:
            self._lock.release()

    def settled_size(handle: int) -> int:
        """Return the size in bytes of the open file."""
        return os.fstat(handle).st_size

else:
    import fcntl

    class ProcessLock:
        """An exclusive lock on the file at ``path``, held by one process at a time. It ends with its holder."""

        def __init__(self, path: Path) -> None:
            self.path = path

        def acquire(self, handle: int) -> None:
            """Wait for the lock. ``handle`` is the open file."""
            fcntl.flock(handle, fcntl.LOCK_EX)

        def release(self, handle: int) -> None:
            fcntl.flock(handle, fcntl.LOCK_UN)

    def settled_size(handle: int) -> int:
        """Return the size in bytes of the open file at a moment when no writer is in the middle of a line.

        Where the file system has no locks, it is the size now: reading must not depend on them.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
        except OSError:
            return os.fstat(handle).st_size
        try:
            return os.fstat(handle).st_size
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
