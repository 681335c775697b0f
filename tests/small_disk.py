"""A disk that is soon full: a real file system of a given size where this may be mounted, else the test is skipped."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """Mount ``folder`` as a file system of ``size`` bytes for as long as the block lasts."""
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    made = _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    if made.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def enlarge(folder: Path, size: int) -> None:
    """Make the mounted file system larger."""
    done = _run("mount", "-o", f"remount,size={size}", str(folder))
    assert done.returncode == 0, done.stderr


def freeze(folder: Path) -> None:
    """Make the mounted file system read-only."""
    done = _run("mount", "-o", "remount,ro", str(folder))
    assert done.returncode == 0, done.stderr


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)
