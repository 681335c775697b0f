"""Reads one document in a child process of its own, within limits of memory and time; see ``child.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forgelm.base.errors import OptionalDependencyError
from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

MAX_MEMORY_BYTES = 2**30
TIMEOUT_SECONDS = 60.0
# docling loads models of layout and of letters for each document.
_DOCLING_MEMORY_BYTES = 16 * 2**30
_DOCLING_TIMEOUT_SECONDS = 600.0


def read_apart(
    path: Path,
    options: ReadOptions,
    *,
    timeout_seconds: float | None = None,
    max_memory_bytes: int | None = None,
) -> Document:
    """Return the document at ``path``, read and cleaned in a process that dies alone.

    Raises:
        DocumentError: the document is refused, or reading it took too long, too much memory, or crashed.
        OptionalDependencyError: the package for its format is not installed.
    """
    large = options.backend == "docling"
    timeout_seconds = timeout_seconds or (_DOCLING_TIMEOUT_SECONDS if large else TIMEOUT_SECONDS)
    max_memory_bytes = max_memory_bytes or (_DOCLING_MEMORY_BYTES if large else MAX_MEMORY_BYTES)
    request = {"path": str(path.absolute()), "options": asdict(options), "max_memory_bytes": max_memory_bytes}
    try:
        done = subprocess.run(
            # -P: a folder named forgelm where the command is run must not be imported.
            [sys.executable, "-P", "-m", "forgelm.data.documents.child"],
            input=json.dumps(request).encode("ascii"),
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"'{path}' is refused: reading it takes longer than {timeout_seconds:g} s") from error
    return _understand(path, done, max_memory_bytes)


def _understand(path: Path, done: subprocess.CompletedProcess[bytes], max_memory_bytes: int) -> Document:
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode != 0 and any("MemoryError" in line for line in said):
        raise DocumentError(
            f"'{path}' is refused: reading it takes more than {max_memory_bytes // 2**20} MiB of memory"
        )
    if done.returncode != 0:
        why = said[-1] if said else f"the process ended with {done.returncode}"
        raise DocumentError(f"'{path}' cannot be read; its reader failed: {why[:200]}")
    reply: dict[str, Any] = json.loads(done.stdout)
    if "missing" in reply:
        raise OptionalDependencyError(f"'{path}': {reply['missing']}", hint=reply["hint"])
    if "refused" in reply:
        raise DocumentError(f"'{path}' {reply['refused']}", hint=reply["hint"])
    pages = tuple(Page(**page) for page in reply["pages"])
    return Document(pages, tuple(reply["notes"]), Counter(reply["counts"]))
