"""Turns the files of a folder into their SHA-256 digests, on every core, and notices a file that changes meanwhile."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from forgelm.base.errors import IntegrityError

# Large enough that leaving the interpreter lock costs nothing, small enough to stay in the core's own cache.
_BLOCK = 1 << 20
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class HashedFile:
    """One file: its path relative to the folder, with ``/``, its SHA-256 in hex and its size."""

    file: str
    sha256: str
    size_bytes: int


def hash_files(root: Path, files: Iterable[str]) -> list[HashedFile]:
    """Return the digests of ``files``, paths relative to ``root``, in their order.

    Raises:
        IntegrityError: one is not a regular file, or was written to while it was read.
        OSError: one cannot be read.
    """
    names = list(files)
    found = try_hash_files(root, names)
    for name in names:
        if name not in found:
            raise IntegrityError(
                f"{root / name} changed while it was being read, or is not a regular file",
                hint="wait until nothing writes to the folder",
            )
    return [found[name] for name in names]


def try_hash_files(root: Path, files: Iterable[str]) -> dict[str, HashedFile]:
    """Return the digests of ``files``, by name, without those that vanish, change while read or are not regular.

    Raises:
        OSError: one cannot be read.
    """
    # The largest first: a thread that begins the largest file last would keep the others waiting.
    order = sorted(files, key=lambda name: -_size(root / name))
    # Hashing leaves the interpreter lock, so threads use every core.
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        found = list(pool.map(lambda name: _hash_file(root, name), order))
    return {item.file: item for item in found if item is not None}


def compute_root(files: Iterable[HashedFile]) -> str:
    """Return the one digest (hex) that stands for all ``files``: the root digest of OpenSSF Model Signing.

    It is the SHA-256 over the files' raw digests, ordered by path, part by part.
    """
    root = hashlib.sha256()
    for item in sort_by_path(files):
        root.update(bytes.fromhex(item.sha256))
    return root.hexdigest()


def sort_by_path(files: Iterable[HashedFile]) -> list[HashedFile]:
    """Return ``files`` ordered by path, part by part: ``a/b`` comes before ``a-b``."""
    return sorted(files, key=lambda item: PurePosixPath(item.file).parts)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return max(1, len(usable(0)) if usable else os.cpu_count() or 1)


def _hash_file(root: Path, file: str) -> HashedFile | None:
    try:
        handle = os.open(root / file, _OPEN)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        before = os.fstat(handle)
        # Reading a pipe would wait for a writer for ever.
        if not stat.S_ISREG(before.st_mode):
            return None
        digest, size = _hash_stream(handle)
        after = os.fstat(handle)
    finally:
        os.close(handle)
    settled = (size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return HashedFile(file, digest, size) if settled else None


def _hash_stream(handle: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(handle, "rb", buffering=0, closefd=False) as stream:
        block = memoryview(bytearray(_BLOCK))
        while count := stream.readinto(block):
            digest.update(block[:count])
            size += count
    return digest.hexdigest(), size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
