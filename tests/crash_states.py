"""Records what code does to the files of a folder, and makes every state that a power cut could have left of it.

The disk is taken to keep no more than it must: what was written to a file is safe once that file was synced, a name
once its folder was. Of everything else any part may be there and any part missing, in whatever order it was done, and
of a write any sectors may be there; where others are missing, zeros are.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import io
import itertools
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

_MOST_PENDING = 9
_MOST_PIECES = 8
_BLOCKS = (512, 4096)
_SAMPLES = 100
_FOLDER = -1


@dataclass(frozen=True)
class Write:
    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True)
class Sync:
    file: int


@dataclass(frozen=True)
class Name:
    """``path`` names ``file`` from now on; ``None``: nothing. ``source`` is the name that is given up for it."""

    path: str
    file: int | None
    source: str | None = None

    @property
    def folders(self) -> set[str]:
        return {os.path.dirname(path) for path in (self.path, self.source) if path is not None}


@dataclass(frozen=True)
class SyncFolder:
    path: str


@dataclass(frozen=True)
class Mark:
    """What was acknowledged: from here on no power cut may take it away."""

    value: Any


@dataclass(frozen=True)
class State:
    """Names and contents that a power cut left; ``marks`` is what was acknowledged before it."""

    names: dict[str, int]
    contents: dict[int, bytes]
    marks: tuple[Any, ...]

    def write(self, folder: Path) -> None:
        """Make the state in ``folder``, which is emptied first."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in sorted(self.names):
            target = folder / path
            if target.parent.is_dir() and target.parent.is_relative_to(folder):
                if self.names[path] == _FOLDER:
                    target.mkdir(exist_ok=True)
                else:
                    target.write_bytes(self.contents.get(self.names[path], b""))

    @property
    def digest(self) -> bytes:
        """A hash over all that ``write`` makes and what was acknowledged."""
        digest = hashlib.sha256(repr(self.marks).encode())
        for path in sorted(self.names):
            file = self.names[path]
            content = b"" if file == _FOLDER else self.contents.get(file, b"")
            digest.update(f"{path} {file == _FOLDER} {len(content)} ".encode())
            digest.update(content)
        return digest.digest()


@dataclass
class Recording:
    """What was done below ``root``, from the state it was in at first."""

    root: Path
    steps: list[Any] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)

    def mark(self, value: Any) -> None:
        self.steps.append(Mark(value))


@contextlib.contextmanager
def record(root: Path) -> Iterator[Recording]:
    """Record everything that this process does to files below ``root`` inside the block."""
    root = Path(os.path.realpath(root))
    recording = Recording(root)
    for number, path in enumerate(sorted(root.rglob("*"))):
        name = path.relative_to(root).as_posix()
        recording.names[name] = _FOLDER if path.is_dir() else number
        if path.is_file():
            recording.contents[number] = path.read_bytes()
    with contextlib.ExitStack() as stack:
        for target, name, replacement in _Tap(recording).replacements():
            stack.enter_context(patch.object(target, name, replacement))
        stack.enter_context(patch.object(shutil, "_USE_CP_SENDFILE", False))
        yield recording


def crash_states(recording: Recording) -> Iterator[State]:
    """Yield the states after every step, each once; ``count_states`` says how many ways lead to them."""
    seen = set()
    for state in _every_state(recording):
        digest = state.digest
        if digest not in seen:
            seen.add(digest)
            yield state


def count_states(recording: Recording) -> int:
    """Return the number of states, those that look alike counted each time."""
    return sum(1 for _ in _every_state(recording))


def _every_state(recording: Recording) -> Iterator[State]:
    names, contents = dict(recording.names), dict(recording.contents)
    pending: list[Any] = []
    marks: list[Any] = []
    for step in [Mark("begin"), *recording.steps]:
        if isinstance(step, Mark):
            marks.append(step.value)
        elif isinstance(step, Sync):
            done = [one for one in pending if isinstance(one, (Write, Truncate)) and one.file == step.file]
            _apply(done, names, contents)
            pending = [one for one in pending if one not in done]
        elif isinstance(step, SyncFolder):
            done = [one for one in pending if isinstance(one, Name) and step.path in one.folders]
            _apply(done, names, contents)
            pending = [one for one in pending if one not in done]
        else:
            pending.append(step)
        for kept in _choices(pending):
            some_names, some_contents = dict(names), dict(contents)
            _apply(kept, some_names, some_contents)
            yield State(some_names, some_contents, tuple(marks))


def _choices(pending: list[Any]) -> Iterator[list[Any]]:
    """Every part of what is pending; and with each, every way to tear one of its writes."""
    for kept in _subsets(pending):
        yield kept
        for place, step in enumerate(kept):
            if isinstance(step, Write):
                for torn in _tears(step):
                    yield [*kept[:place], *torn, *kept[place + 1 :]]


def _subsets(steps: list[Any]) -> list[list[Any]]:
    """All parts, from none to all; of many steps, all beginnings and ends and what lacks one or two."""
    if len(steps) <= _MOST_PENDING:
        return [
            [steps[place] for place in chosen]
            for size in range(len(steps) + 1)
            for chosen in itertools.combinations(range(len(steps)), size)
        ]
    pairs = itertools.combinations(range(len(steps)), 2)
    holes = [[step for place, step in enumerate(steps) if place not in pair] for pair in pairs]
    return [
        [],
        *(steps[:size] for size in range(1, len(steps))),
        *(steps[size:] for size in range(1, len(steps))),
        *holes,
        steps,
    ]


def _tears(step: Write) -> Iterator[list[Write]]:
    """Every part of the write's sectors, and of its pages; of many, beginnings, ends, single holes and some others."""
    for size in _BLOCKS:
        start = step.offset
        pieces = []
        while start < step.offset + len(step.data):
            end = min(start // size * size + size, step.offset + len(step.data))
            pieces.append(Write(step.file, start, step.data[start - step.offset : end - step.offset]))
            start = end
        if len(pieces) <= _MOST_PIECES:
            yield from _subsets(pieces)[1:-1]
        else:
            chance = random.Random(len(pieces))
            for border in range(1, len(pieces)):
                yield pieces[:border]
                yield pieces[border:]
                yield [*pieces[: border - 1], *pieces[border:]]
            yield from ([piece for piece in pieces if chance.random() < 0.5] for _ in range(_SAMPLES))


def _apply(steps: list[Any], names: dict[str, int], contents: dict[int, bytes]) -> None:
    for step in steps:
        if isinstance(step, Name):
            _rename(step, names)
        else:
            before = contents.get(step.file, b"")
            if isinstance(step, Truncate):
                contents[step.file] = before[: step.size].ljust(step.size, b"\0")
            else:
                after = before[step.offset + len(step.data) :]
                contents[step.file] = before[: step.offset].ljust(step.offset, b"\0") + step.data + after


def _rename(step: Name, names: dict[str, int]) -> None:
    if step.source is not None:
        below = {path: file for path, file in names.items() if path.startswith(f"{step.source}/")}
        for path, file in below.items():
            del names[path]
            names[step.path + path[len(step.source) :]] = file
        names.pop(step.source, None)
    if step.file is None:
        names.pop(step.path, None)
    else:
        names[step.path] = step.file


class _Tap:
    """Stands in for the functions that change files, does what they do, and writes it down."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.steps = recording.steps
        self.files = dict(recording.names)
        self.handles: dict[int, int] = {}
        self.folders: dict[int, str] = {}
        self.next = 1_000_000
        self.real = {name: getattr(os, name) for name in _OS}
        self.real_open = io.open

    def replacements(self) -> Iterator[tuple[Any, str, Any]]:
        for name in _OS:
            yield os, name, getattr(self, name)
        yield io, "open", self.open_file
        yield builtins, "open", self.open_file

    def name(self, path: Any, folder: int | None = None) -> str | None:
        """The path below the root; ``None`` when it is not there."""
        if isinstance(path, int):
            return None
        text = os.fsdecode(path)
        if folder is not None and not os.path.isabs(text):
            text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)
        text = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(text))), os.path.basename(text))
        root = str(self.recording.root)
        if text == root:
            return ""
        return os.path.relpath(text, root) if text.startswith(root + "/") else None

    def opened(self, handle: int, name: str | None, fresh: bool) -> None:
        if name is None:
            return
        if fresh:
            self.next += 1
            self.files[name] = self.next
            self.steps.append(Name(name, self.next))
        self.handles[handle] = self.files.get(name, _FOLDER)
        self.folders[handle] = name

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        name = self.name(path, dir_fd)
        fresh = name is not None and bool(flags & os.O_CREAT) and not os.path.lexists(self.recording.root / name)
        handle: int = self.real["open"](path, flags, mode, dir_fd=dir_fd)
        self.opened(handle, name, fresh)
        if name is not None and flags & os.O_TRUNC and not fresh:
            self.steps.append(Truncate(self.handles[handle], 0))
        return handle

    def open_file(self, file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **options: Any) -> Any:
        if isinstance(file, int) or self.name(file) is None or not set(mode) & set("wxa+"):
            return self.real_open(file, mode, buffering, *rest, **options)
        name = self.name(file)
        assert name is not None
        fresh = not os.path.lexists(self.recording.root / name)
        raw = _Recorded(file, mode.replace("b", "").replace("t", ""))
        raw.tap = self
        self.opened(raw.fileno(), name, fresh)
        if "w" in mode and not fresh:
            self.steps.append(Truncate(self.handles[raw.fileno()], 0))
        if buffering == 0:
            return raw
        stream: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return stream if "b" in mode else io.TextIOWrapper(stream, *rest, **options)

    def wrote(self, handle: int, offset: int, data: bytes) -> None:
        if handle in self.handles and data:
            self.steps.append(Write(self.handles[handle], offset, bytes(data)))

    def write(self, handle: int, data: Any) -> int:
        if handle not in self.handles:
            written: int = self.real["write"](handle, data)
            return written
        written = self.real["write"](handle, data)
        at = os.lseek(handle, 0, os.SEEK_CUR) - written
        self.wrote(handle, at, bytes(data)[:written])
        return written

    def ftruncate(self, handle: int, size: int) -> None:
        self.real["ftruncate"](handle, size)
        if handle in self.handles:
            self.steps.append(Truncate(self.handles[handle], size))

    def fsync(self, handle: int) -> None:
        self.real["fsync"](handle)
        self.synced(handle)

    def fdatasync(self, handle: int) -> None:
        self.real["fdatasync"](handle)
        self.synced(handle)

    def synced(self, handle: int) -> None:
        if self.handles.get(handle) == _FOLDER:
            self.steps.append(SyncFolder(self.folders[handle]))
        elif handle in self.handles:
            self.steps.append(Sync(self.handles[handle]))

    def close(self, handle: int) -> None:
        self.handles.pop(handle, None)
        self.real["close"](handle)

    def rename(self, source: Any, target: Any, **options: Any) -> None:
        self.moved("rename", source, target, options)

    def replace(self, source: Any, target: Any, **options: Any) -> None:
        self.moved("replace", source, target, options)

    def moved(self, how: str, source: Any, target: Any, options: dict[str, Any]) -> None:
        self.real[how](source, target, **options)
        before, after = self.name(source, options.get("src_dir_fd")), self.name(target, options.get("dst_dir_fd"))
        if before is None or after is None:
            raise AssertionError(f"{source} -> {target} leaves the recorded folder")
        step = Name(after, self.files.get(before, _FOLDER), before)
        _rename(step, self.files)
        self.steps.append(step)

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.removed("unlink", path, dir_fd)

    def remove(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.removed("remove", path, dir_fd)

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.removed("rmdir", path, dir_fd)

    def removed(self, how: str, path: Any, folder: int | None) -> None:
        name = self.name(path, folder)
        self.real[how](path, dir_fd=folder)
        if name is not None:
            self.files.pop(name, None)
            self.steps.append(Name(name, None))

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self.real["mkdir"](path, mode, dir_fd=dir_fd)
        name = self.name(path, dir_fd)
        if name is not None:
            self.files[name] = _FOLDER
            self.steps.append(Name(name, _FOLDER))


_OS = (
    "open", "write", "ftruncate", "fsync", "fdatasync", "close",
    "rename", "replace", "unlink", "remove", "rmdir", "mkdir",
)  # fmt: skip


class _Recorded(io.FileIO):
    """A file whose writes are written down."""

    tap: _Tap

    def write(self, data: Any) -> int:
        at = os.lseek(self.fileno(), 0, os.SEEK_CUR)
        if "a" in self.mode:
            at = os.fstat(self.fileno()).st_size
        written = super().write(data)
        assert written is not None
        self.tap.wrote(self.fileno(), at, bytes(data)[:written])
        return written

    def truncate(self, size: int | None = None) -> int:
        done = super().truncate(size)
        self.tap.steps.append(Truncate(self.tap.handles[self.fileno()], done))
        return done

    def close(self) -> None:
        if not self.closed:
            self.tap.handles.pop(self.fileno(), None)
        super().close()
