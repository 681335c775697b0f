"""Lets a signal end a run in good order: with a checkpoint during training, between two passes of a model around it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from forgelm.base.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What batch systems send ahead of time: it asks, however often it comes, and leaves the last word to the others.
WARNINGS = tuple(getattr(signal, name) for name in ("SIGUSR1",) if hasattr(signal, name))


class _Asked(BaseException):
    """A stop in the midst of work. It is no ``Exception``, so nothing on its way takes it for a fault of that work."""


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
    def amid(self) -> Iterator[Callable[[], None]]:
        """Give what long work calls now and then: where a stop was asked for, it ends the block.

        What was done within the block is lost, except for what is kept on disk as it comes.

        Raises:
            StoppedError: a stop was asked for within the block.
        """

        def look() -> None:
            if self.asked():
                raise _Asked

        try:
            yield look
        except _Asked:
            self.check()


@contextlib.contextmanager
def stop_on_signals(stop: StopRequest, grace_seconds: float | None = None, *, launched: bool = False) -> Iterator[None]:
    """Within the block the first SIGINT, SIGTERM or SIGUSR1 asks ``stop``; a second of the first two ends the process.

    With ``grace_seconds``, a run that has not stopped by then after SIGTERM or SIGUSR1 is broken off where it is, by a
    ``StoppedError``: it then continues from the last checkpoint that was saved.

    ``launched`` means that a launcher watches over this process: it passes signals on, perhaps once more than they were
    sent, and has the last word itself. No second signal ends the process then, nor one that comes while it replies.
    """
    urgent = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal urgent
        if number in SIGNALS:
            if urgent and not launched:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            urgent = True
        stop.ask()
        if grace_seconds is not None and number != signal.SIGINT and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, grace_seconds)

    def give_up(number: int, frame: FrameType | None) -> None:
        raise StoppedError(
            f"broken off: the run had not stopped {grace_seconds:g} seconds after it was asked to",
            hint="run the same command with --resume to continue from the last checkpoint; "
            "training.preemption_grace_seconds was too short for one step and a checkpoint",
        )

    handlers = dict.fromkeys((*SIGNALS, *WARNINGS), handle)
    if grace_seconds is not None and hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = give_up
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        if grace_seconds is not None and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_IGN if launched else handler)
