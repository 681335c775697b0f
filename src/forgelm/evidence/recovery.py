"""Keeps the bytes of an append that a crash cut short in files beside the log, until and after the log reports them.

``<log>.torn-<n>.new`` is kept but not reported yet, ``<log>.torn-<n>`` is reported: a crash between the steps loses
neither the bytes nor the report.
"""

from __future__ import annotations

import contextlib
import glob
import os
from pathlib import Path

from forgelm.base.files import storage_errors, sync_folder, write_bytes

_UNREPORTED = ".new"


def quarantine(log: Path, torn: bytes) -> Path:
    """Keep ``torn`` beside ``log``, once; return where.

    Raises:
        StorageError: it could not be written; the log must not be cut then.
    """
    for kept in unreported(log):
        if kept.read_bytes() == torn:
            return kept
    number = 1 + max((_number(path) for path in log.parent.glob(f"{log.name}.torn-*")), default=0)
    return write_bytes(log.with_name(f"{log.name}.torn-{number}{_UNREPORTED}"), torn)


def sweep(log: Path) -> None:
    """Delete what a kill left of files that were being written beside ``log``; only who holds its lock writes them."""
    for partial in log.parent.glob(f".{glob.escape(log.name)}.*.tmp"):
        # It means nothing to anybody; that it cannot be deleted is no reason to stop.
        with contextlib.suppress(OSError):
            partial.unlink()


def unreported(log: Path) -> list[Path]:
    """Return the kept files that the log does not report yet, oldest first."""
    return sorted(log.parent.glob(f"{log.name}.torn-*{_UNREPORTED}"), key=_number)


def reported_name(kept: Path) -> Path:
    """Return the name that ``kept`` has once it is reported."""
    return kept.with_name(kept.name.removesuffix(_UNREPORTED))


def mark_reported(kept: Path) -> None:
    with storage_errors(str(reported_name(kept))):
        os.replace(kept, reported_name(kept))
        sync_folder(kept.parent)


def _number(path: Path) -> int:
    digits = path.name.removesuffix(_UNREPORTED).rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
