"""A command on a terminal of its own, as a person sits before it: what it asks is awaited, what is typed is sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """``python -m forgelm`` with ``words`` on a pseudo-terminal; Ctrl-C is typed as any other key is."""

    def __init__(self, *words: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._leader, follower = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "forgelm", *words],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=folder,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "120", **(environment or {})},
            # Its own session, with this terminal: Ctrl-C reaches it and nothing else.
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 (no other thread runs here)
        )
        os.close(follower)
        self.seen, self._read_to = "", 0

    def expect(self, words: str, *, seconds: float = 120) -> str:
        """Wait for ``words`` after what was awaited last, and return everything up to them."""
        end = time.monotonic() + seconds
        while (found := self.seen.find(words, self._read_to)) < 0:
            assert time.monotonic() < end and self._read(end), f"{words!r} never came after {self.seen[-2000:]!r}"
        start, self._read_to = self._read_to, found + len(words)
        return self.seen[start : self._read_to]

    def type(self, line: str) -> None:
        os.write(self._leader, (line + "\n").encode())

    def press_ctrl_c(self) -> None:
        os.write(self._leader, b"\x03")

    def press_ctrl_d(self) -> None:
        os.write(self._leader, b"\x04")

    def wait(self, *, seconds: float = 120) -> int:
        """Read to the end and return the exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        code = self._process.wait(timeout=max(1.0, end - time.monotonic()))
        os.close(self._leader)
        return code

    def _read(self, end: float) -> bool:
        if not select.select([self._leader], [], [], max(0.0, end - time.monotonic()))[0]:
            self._process.kill()
            return False
        try:
            piece = os.read(self._leader, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.seen += _ESCAPES.sub("", piece.decode(errors="replace").replace("\r\n", "\n"))
        return bool(piece)


@contextlib.contextmanager
def drawn_on() -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """A terminal of 120 columns to write to in this process, and what ends it and returns all that was drawn there."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 120, 0, 0))
    drawn = bytearray()

    # Read beside the writer, and to the end: the kernel hands on what was written when it likes, in pieces.
    def read() -> None:
        with contextlib.suppress(OSError):  # Linux says so when the other side is closed
            while piece := os.read(leader, 65536):
                drawn.extend(piece)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with os.fdopen(follower, "w") as terminal:

        def finish() -> str:
            terminal.close()
            reader.join(timeout=60)
            assert not reader.is_alive()
            return drawn.decode()

        yield terminal, finish
    os.close(leader)


def _take_terminal() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
