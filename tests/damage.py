"""Damage for files of any kind, and a process with limits in which many damaged ones are read; see ``survive``."""

from __future__ import annotations

import io
import json
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

MAX_SECONDS = 10.0
MAX_MEMORY_BYTES = 10**9
_NUMBERS = (0, 1, 7, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_WORDS = re.compile(rb"[\w.&#-]+")


def damage(data: bytes, draw: random.Random, *, reach: int | None = None, words: tuple[bytes, ...] = ()) -> bytes:
    """Return ``data`` with bytes and numbers changed, pieces lost, doubled or swapped, or the end cut off.

    Only the first ``reach`` bytes are hit. With ``words``, words are exchanged too, for others of the data and those.
    """
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3, 6))):
        if len(changed) < 16:
            break
        place = draw.randrange(min(len(changed) - 8, reach or len(changed)))
        kind = draw.randrange(12 if words else 5)
        if kind == 0:
            changed[place] = draw.randrange(256)
        elif kind == 1:
            number = draw.choice((*_NUMBERS, draw.getrandbits(64), draw.getrandbits(12)))
            changed[place : place + 8] = struct.pack("<Q", number)
        elif kind == 2:
            del changed[place : place + draw.randint(1, 40)]
        elif kind == 3:
            changed[place:place] = changed[place : place + draw.randint(1, 200)]
        elif kind == 4:
            if draw.random() < 0.3:
                del changed[draw.randrange(len(changed)) :]
        else:
            found = _WORDS.search(changed, place)
            if found is not None:
                other = _WORDS.search(changed, draw.randrange(len(changed)))
                changed[slice(*found.span())] = draw.choice((*words, other[0] if other else b""))
    return bytes(changed)


def damage_archive(data: bytes, draw: random.Random, *, words: tuple[bytes, ...]) -> bytes:
    """Return the zip archive damaged, or whole with some of its parts damaged, renamed, lost or there twice."""
    if draw.random() < 0.3:
        return damage(data, draw)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    hit = draw.choice(sorted(parts))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in parts.items():
            here = name == hit or draw.random() < 0.2
            if here and draw.random() < 0.05:
                continue
            other = damage(name.encode() + bytes(16), draw)[:40].decode("latin-1").lstrip("\0") or "x"
            called = other if here and draw.random() < 0.05 else name
            archive.writestr(called, damage(content, draw, words=words) if here else content)
    whole = made.getvalue()
    return damage(whole, draw) if draw.random() < 0.1 else whole


@dataclass(frozen=True)
class Survived:
    """How many files were read and how many refused, the slowest one's seconds, and the most memory of the process."""

    read: int
    refused: int
    slowest_seconds: float
    memory_bytes: int


def survive(kind: str, count: int, folder: Path) -> Survived:
    """Read ``count`` damaged files of a kind of ``damaged_files.KINDS`` in one process of little memory.

    Whatever is not a reading or a typed error ends the process, and this fails; the file is left in ``folder``.
    """
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("damaged_files.py")), kind, str(count), str(folder)],
        capture_output=True,
        timeout=60 + count * MAX_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
    survived = Survived(**json.loads(done.stdout.splitlines()[-1]))
    assert survived.read + survived.refused == count
    return survived


def read_many(make: Callable[[random.Random], bytes], read: Callable[[Path], bool], path: Path, count: int) -> Survived:
    """Read what ``make`` makes, ``count`` times, this process being limited; ``read`` says whether it was readable."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _too_long)
    readable, slowest = 0, 0.0
    for number in range(count):
        # Each file has a seed of its own: one that fails is made again alone.
        path.write_bytes(make(random.Random(f"{path.suffix} {number}")))
        # In the processor's seconds, which other programs do not use up.
        begun = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
        readable += read(path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, time.process_time() - begun)
    return Survived(readable, count - readable, round(slowest, 3), _peak_bytes())


def tell(survived: Survived) -> str:
    return json.dumps(asdict(survived))


def _peak_bytes() -> int:
    # getrusage() also counts what the process had that this one was forked from.
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _too_long(number: int, frame: FrameType | None) -> Any:
    raise TimeoutError(f"longer than {MAX_SECONDS:g} s")
