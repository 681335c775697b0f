"""Sends again what may succeed the next time: after what a server asks for, or after a time that doubles."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.client import Reply

# What says "not now": a timeout, too early, too many, and a server's own faults.
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})


@dataclass(frozen=True)
class Retries:
    """``attempts`` counts the first one too. Waits are drawn between half and all of a time that doubles each time."""

    attempts: int = 5
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    sleep: Callable[[float], object] = time.sleep
    draw: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time

    def send(self, attempt: Callable[[], Reply]) -> Reply:
        """Return the first reply that is not a temporary refusal, or the last one.

        Raises:
            NetworkError: the last attempt got no reply.
            AddressRefusedError: the address is not allowed; it is not tried again.
        """
        for number in range(1, self.attempts):
            try:
                reply = attempt()
            except AddressRefusedError:
                raise
            except NetworkError:
                self.sleep(self._wait(number))
                continue
            if reply.status not in _TEMPORARY:
                return reply
            self.sleep(max(self._wait(number), self._asked(reply)))
        return attempt()

    def _wait(self, number: int) -> float:
        # The exponent is bounded: 2.0**1024 is no float.
        longest = min(self.longest_wait_seconds, self.first_wait_seconds * 2.0 ** min(number - 1, 60))
        return longest * (0.5 + self.draw() / 2)

    def _asked(self, reply: Reply) -> float:
        """Return the seconds that ``Retry-After`` asks to wait (RFC 9110, 10.2.3), at most the longest wait."""
        text = reply.headers.get("retry-after", "").strip()
        try:
            seconds = (
                float(text) if text.isdecimal() else email.utils.parsedate_to_datetime(text).timestamp() - self.clock()
            )
        except (ValueError, TypeError, OverflowError):
            return 0.0
        return min(max(seconds, 0.0), self.longest_wait_seconds)
