"""Lets a signal end a run in good order: a checkpoint during training, at once between the stages around it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from forgelm.base.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A flag that a signal handler or another thread sets and a run looks at where it can stop safely."""

    def __init__(self) -> None:
        # A plain flag: a lock could be held already when a second signal interrupts the handler of the first.
        self._asked = False

    def ask(self) -> None:
        """Ask the run to stop at the next safe place. Safe to call from any thread and from a signal handler."""
        self._asked = True

    def asked(self) -> bool:
        return self._asked

    def check(self) -> None:
        """Raise ``StoppedError`` when a stop was asked for. Called between stages, where nothing is half-done."""
        if self.asked():
            raise StoppedError("stopped as asked", hint="run the same command with --resume to continue")


@contextlib.contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Within the block the first SIGINT or SIGTERM asks ``stop``; a second one ends the process at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.asked():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.ask()

    previous = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
