"""Counts what questions to a model cost, and stops it before a limit is passed, not after."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from forgelm.base.network.replies import Said


class Priced(Protocol):
    """A section that may say what tokens cost."""

    @property
    def input_usd_per_million_tokens(self) -> float | None: ...
    @property
    def output_usd_per_million_tokens(self) -> float | None: ...


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input_usd: float
    output_usd: float

    @staticmethod
    def of(section: Priced) -> Price | None:
        """Return the price of an endpoint, ``None`` where it was not given or the model is local."""
        if section.input_usd_per_million_tokens is None or section.output_usd_per_million_tokens is None:
            return None
        return Price(section.input_usd_per_million_tokens, section.output_usd_per_million_tokens)

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1e6


class Spending:
    """What was spent, and what calls that are on their way may still cost at most. Safe among threads."""

    def __init__(self, max_usd: float | None = None) -> None:
        self._max_usd = max_usd
        self._lock = threading.Lock()
        self._reserved = 0.0
        self.usd = 0.0
        self.calls = self.cached = self.input_tokens = self.output_tokens = 0

    def reserve(self, most_usd: float) -> bool:
        """Set ``most_usd`` aside for a call; ``False`` where the limit leaves no room for it."""
        with self._lock:
            if self._max_usd is not None and self.usd + self._reserved + most_usd > self._max_usd:
                return False
            self._reserved += most_usd
            return True

    def settle(self, most_usd: float, said: Said | None, price: Price | None) -> None:
        """Replace what was set aside by what a call cost; without a count of tokens that is all of it."""
        with self._lock:
            self._reserved -= most_usd
            self.calls += 1
            if said is None:
                return
            self.input_tokens += said.input_tokens or 0
            self.output_tokens += said.output_tokens or 0
            if said.input_tokens is None or said.output_tokens is None:
                self.usd += most_usd
            elif price is not None:
                self.usd += price.cost_usd(said.input_tokens, said.output_tokens)

    def count_local(self) -> None:
        """Count a reply that costs nothing but time."""
        with self._lock:
            self.calls += 1

    def as_record(self) -> dict[str, float | int]:
        return {
            "usd": round(self.usd, 6),
            "calls": self.calls,
            "cached": self.cached,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
        }

    def count_cached(self) -> None:
        with self._lock:
            self.cached += 1
