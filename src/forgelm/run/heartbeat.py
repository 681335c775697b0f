"""Puts a checkpoint into the audit log every so often, so that a long silence is a statement and not a gap."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from forgelm.base.events import Event

EVERY_SECONDS = 600.0


class Heartbeat:
    """An ``Emit`` that calls ``beat`` with the first event after ``every_seconds`` without a beat.

    It hears the progress of training too, which is what keeps it going; it has no thread of its own.
    """

    def __init__(
        self,
        beat: Callable[[], object],
        *,
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._beat = beat
        self._every = every_seconds
        self._clock = clock
        self._last = clock()

    def __call__(self, event: Event, /, **fields: Any) -> None:
        now = self._clock()
        if now - self._last >= self._every:
            self._beat()
            self._last = now
