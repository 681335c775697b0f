"""Finds the documents under a path: those with a known ending, sorted; what is no plain file inside it is left out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from forgelm.base.errors import DataError
from forgelm.data.documents.read import READERS


def find_documents(root: Path, *, recursive: bool) -> tuple[list[Path], list[str]]:
    """Return the documents at or under ``root``, and a note on each that is not taken.

    Raises:
        DataError: there is nothing at ``root``, or nothing of a supported format.
    """
    endings = f"supported: {', '.join(sorted(READERS))}"
    try:
        if not root.is_dir():
            if not stat.S_ISREG(root.stat().st_mode):
                raise DataError(f"'{root}' is neither a file nor a folder")
            if root.suffix.lower() not in READERS:
                raise DataError(f"'{root}' is of no supported format", hint=endings)
            return [root], []
        inside = _walk(root) if recursive else [Path(entry.path) for entry in os.scandir(root)]
    except OSError as error:
        raise DataError(f"'{error.filename or root}' cannot be read: {error.strerror or error}") from error
    found, notes = [], []
    for path in sorted(path for path in inside if path.suffix.lower() in READERS):
        why = _refuse(path, root.resolve())
        if why:
            notes.append(f"'{path}' was left out: {why}")
        else:
            found.append(path)
    if not found:
        hint = endings if recursive else f"{endings}; --recursive looks into folders inside it"
        raise DataError(f"'{root}' holds no document of a supported format", hint=hint)
    return found, notes


def _walk(root: Path) -> list[Path]:
    def fail(error: OSError) -> None:
        raise error

    return [Path(folder) / name for folder, _, names in os.walk(root, onerror=fail) for name in names]


def _refuse(path: Path, root: Path) -> str | None:
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not target.is_relative_to(root):
        return "a link that leads out of the folder"
    return None if stat.S_ISREG(mode) else "no plain file"
