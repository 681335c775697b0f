"""A file that grows by whole lines only: written under a lock, on disk before it counts, as it was when a write fails.

It knows nothing of what a line says. Whoever holds it (``with file:``) may append, read the tail and cut.
"""

from __future__ import annotations

import os
import stat
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from forgelm.base.errors import IntegrityError, StorageError
from forgelm.base.files import sync_folder, write_whole
from forgelm.evidence.lock import ProcessLock

_WINDOW = 64 * 1024
_GROUP = 256 * 1024
_BLOCK = 1 << 20
# Asking whose name it is takes as long as writing two lines.
_LOOK_SECONDS = 0.001


@dataclass(frozen=True)
class Tail:
    """How a file ends: its last whole line without the newline, and the bytes of an append that was cut short."""

    last_line: bytes | None
    torn: bytes


class AppendFile:
    """The file at ``path``, created when it is first held. One thread at a time; a forked child needs its own.

    ``sync`` forces the open file's data to disk, or raises ``OSError``.
    """

    def __init__(self, path: Path, *, sync: Callable[[int], None] | None = None) -> None:
        self.path = path
        self.size = 0
        default: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)
        self._sync = sync or default
        self._handle = -1
        self._identity = (0, 0)
        self._look_again = 0.0
        self._process_lock = ProcessLock(path)
        self._poisoned = False
        self._owner = os.getpid()
        self._closer: Callable[[], object] = lambda: None

    def __enter__(self) -> AppendFile:
        if os.getpid() != self._owner:
            raise RuntimeError(f"{self.path.name} was opened before this process forked: make a new one in each child")
        if self._poisoned:
            raise StorageError(
                f"{self.path} takes no more lines: an earlier one could not be forced to disk",
                hint="check the disk, then start again; the lines acknowledged before are safe",
            )
        try:
            if self._handle < 0:
                self._open()
            self._process_lock.acquire(self._handle)
        except OSError as error:
            raise _failure(f"could not open {self.path} for writing", error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process_lock.release(self._handle)

    def has_moved(self) -> bool:
        """Return whether another process changed the file since this one last looked.

        Raises:
            StorageError: the file was removed or replaced, a millisecond ago or more.
            IntegrityError: it is shorter than what was acknowledged.
        """
        # The name can be given to another file between any look and the write, so looking all the time proves no more.
        if time.monotonic() >= self._look_again:
            self._look_for_name()
        size = os.lseek(self._handle, 0, os.SEEK_END)
        if size < self.size:
            raise IntegrityError(
                f"{self.path} lost {self.size - size} bytes of acknowledged lines while it was being written",
                hint="keep the file as it is for the investigation and start a new run in another folder",
            )
        return size != self.size

    def _look_for_name(self) -> None:
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise _failure(f"{self.path} disappeared while it was being written", error) from error
        if (now.st_dev, now.st_ino) != self._identity:
            raise StorageError(f"{self.path} was replaced by another file while it was being written")
        self._look_again = time.monotonic() + _LOOK_SECONDS

    def append(self, lines: Sequence[bytes]) -> None:
        """Add ``lines``, each with a newline; when this returns, they are on disk. One sync takes about 256 KiB.

        Raises:
            StorageError: nothing was added. After a failed sync the file takes no more lines in this process.
        """
        before = self.size
        try:
            for data in (lines[0] + b"\n",) if len(lines) == 1 else _group(lines):
                self._write(data)
                self.size += len(data)
        except StorageError:
            self.size = before
            self._take_back()
            raise

    def _write(self, data: bytes) -> None:
        try:
            write_whole(self._handle, data)
        except OSError as error:
            raise _failure(f"could not write to {self.path}", error) from error
        try:
            self._sync(self._handle)
        except OSError as error:
            self._poisoned = True
            raise _failure(f"could not force {self.path} to disk", error) from error

    def cut(self, size: int) -> None:
        """Shorten the file to ``size`` bytes, on disk."""
        try:
            os.ftruncate(self._handle, size)
            self._sync(self._handle)
        except OSError as error:
            self._poisoned = True
            raise _failure(f"could not shorten {self.path}", error) from error
        self.size = size

    def read_tail(self, *, deep: bool = False) -> Tail:
        """Return how the file ends now; ``size`` becomes the length of its whole lines.

        What follows a zero byte is torn too: a power cut can leave a hole before newlines that were written. ``deep``
        looks for one in all that a single sync may have taken.
        """
        end = os.fstat(self._handle).st_size
        window = _WINDOW + (_GROUP if deep else 0)
        while True:
            start = max(0, end - window)
            tail = _split(self._read(start, end), whole=start == 0)
            if tail is not None:
                self.size = end - len(tail.torn)
                return tail
            window *= 4

    def read_lines(self, start: int) -> Iterator[bytes]:
        """Yield the whole lines from offset ``start``, where one begins, without their newlines."""
        rest = b""
        while start < self.size:
            block = self._read(start, min(start + _BLOCK, self.size))
            if not block:
                raise StorageError(f"{self.path} became shorter while it was read")
            start += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from lines

    def first_line(self) -> bytes:
        """Return the first line without its newline."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        block = b""
        while b"\n" not in block and (more := os.read(self._handle, _WINDOW)):
            block += more
        return block.partition(b"\n")[0]

    def count_lines(self) -> int:
        """Return the number of whole lines."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        count = 0
        while block := os.read(self._handle, _BLOCK):
            count += block.count(b"\n")
        return count

    def close(self) -> None:
        """Give the handle back; holding the file again reopens it."""
        self._handle = -1
        self._closer()

    def _open(self) -> None:
        fresh = not self.path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        handle = os.open(self.path, flags, 0o666)
        closer = weakref.finalize(self, os.close, handle)
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            closer()
            raise StorageError(f"{self.path} is not a regular file")
        if fresh:
            sync_folder(self.path.parent)
        self._identity = (state.st_dev, state.st_ino)
        self._handle, self._closer = handle, closer

    def _read(self, start: int, end: int) -> bytes:
        os.lseek(self._handle, start, os.SEEK_SET)
        parts = []
        while start < end and (part := os.read(self._handle, end - start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._handle, self.size)
        except OSError:
            self._poisoned = True


def _group(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Join lines to pieces of about the size that one sync takes."""
    group: list[bytes] = []
    size = 0
    for line in lines:
        if group and size + len(line) > _GROUP:
            yield b"\n".join([*group, b""])
            group, size = [], 0
        group.append(line)
        size += len(line) + 1
    yield b"\n".join([*group, b""])


def _split(block: bytes, *, whole: bool) -> Tail | None:
    """Return how ``block`` ends, or ``None`` when its last line begins before it; ``whole``: it is the entire file."""
    end = block.rfind(b"\n") + 1
    hole = block.find(b"\0", 0, end)
    if hole >= 0:
        end = block.rfind(b"\n", 0, hole) + 1
    begin = block.rfind(b"\n", 0, max(0, end - 1)) + 1
    if begin == 0 and not whole:
        return None
    return Tail(block[begin : end - 1] if end else None, block[end:])


def _failure(message: str, error: OSError) -> StorageError:
    if isinstance(error, StorageError):
        return error
    failure = StorageError(
        f"{message}: {error.strerror or error}",
        hint="check that the disk has space and the folder is writable; lines acknowledged before are safe",
    )
    failure.errno = error.errno
    return failure
