"""Delivers messages one after another on a thread of its own: nobody waits for a server that does not answer."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable

_log = logging.getLogger(__name__)
# send(pause) delivers one message; pause(seconds) waits between attempts and returns early when there is no time left.
Send = Callable[[Callable[[float], object]], None]


class Outbox:
    """A queue with one thread, which begins with the first message and ends with the last one.

    After a fork the child begins with an empty queue: what was waiting is the parent's to deliver.
    """

    def __init__(self, *, last_wait_seconds: float) -> None:
        self._last_wait_seconds = last_wait_seconds
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._used = False
        self._changed = threading.Condition()
        self._waiting: deque[Send] = deque()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, send: Send) -> None:
        """Take a message; returns at once."""
        if self._pid != os.getpid():
            self._begin()
        with self._changed:
            if not self._used:
                # A program that ends by itself gives its last messages a moment.
                atexit.register(self.close)
            self._used = True
            self._hurry.clear()
            self._waiting.append(send)
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="forgelm-webhook", daemon=True)
                self._thread.start()

    def close(self, timeout_seconds: float | None = None) -> bool:
        """Wait for what is on its way; return whether all of it was dealt with in time.

        What is left after that is given up. The default time is one attempt's.
        """
        if self._pid != os.getpid() or not self._used:
            return True
        wait = self._last_wait_seconds if timeout_seconds is None else timeout_seconds
        with self._changed:
            done = self._changed.wait_for(lambda: self._thread is None, wait)
            if not done:
                left = len(self._waiting) + 1
                self._waiting.clear()
                self._hurry.set()
                _log.warning("%d messages to the webhook were not delivered within %.0f s", left, wait)
        return done

    def _deliver(self) -> None:
        while (send := self._next()) is not None:
            try:
                send(self._hurry.wait)
            except BaseException:
                with self._changed:
                    self._end()
                raise

    def _next(self) -> Send | None:
        # Ending and taking a message exclude each other: one that is put now finds the thread alive, or starts another.
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._end()
            return None

    def _end(self) -> None:
        self._thread = None
        self._changed.notify_all()
