"""Takes away what a killed process left half written: a living writer holds a lock on its file, a dead one does not."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO

_log = logging.getLogger(__name__)


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
    """Remove the unfinished versions of ``path`` that nobody is writing any more: ``.NAME.HEX`` and ``ending``.

    What cannot be removed is said in the log, and stays.
    """
    with _said(f"what killed commands left beside {path} cannot be looked for"), os.scandir(path.parent) as entries:
        for entry in entries:
            middle = entry.name.removeprefix(f".{path.name}.").removesuffix(ending)
            named = f".{path.name}.{middle}{ending}"
            if entry.name == named and middle.isalnum() and entry.is_file(follow_symlinks=False):
                _remove(Path(entry.path))


def _remove(left: Path) -> None:
    with _said(f"{left}, which a killed command left, cannot be removed"), left.open("rb") as stream:
        if claim(stream):
            left.unlink()


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        pass  # another command was faster, or the folder is yet to be made
    except OSError as error:
        _log.warning("%s: %s", what, error.strerror or error)
