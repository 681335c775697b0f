"""Takes away what a killed process left half written: a living writer holds a lock on its file, a dead one does not."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO


def claim(stream: IO[bytes]) -> bool:
    """Lock the open file until it is closed or its process ends; return whether it is ours for sure."""
    if find_spec("fcntl") is None:
        return False
    fcntl = import_module("fcntl")
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sweep(path: Path, ending: str = ".tmp") -> None:
    """Remove the unfinished versions of ``path`` that nobody is writing any more: ``.NAME.HEX`` and ``ending``."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            middle = entry.name.removeprefix(f".{path.name}.").removesuffix(ending)
            named = f".{path.name}.{middle}{ending}"
            if entry.name == named and middle.isalnum() and entry.is_file(follow_symlinks=False):
                _remove(Path(entry.path))


def _remove(left: Path) -> None:
    with contextlib.suppress(OSError), left.open("rb") as stream:
        if claim(stream):
            left.unlink()
