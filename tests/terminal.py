"""A command on a terminal of its own, as a person sits before it: what it asks is awaited, what is typed is sent."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

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


def _take_terminal() -> None:
    import fcntl
    import signal
    import termios

    signal.signal(signal.SIGINT, signal.default_int_handler)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
