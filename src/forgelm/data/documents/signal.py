"""Looks at the first chunks of an ingestion for signs of a bad extraction: few letters, odd characters, repeats."""

from __future__ import annotations

from collections import Counter
from typing import Any

_MAX_SAMPLES = 5000
_MIN_SOLID = 80
_MIN_ALPHABETIC_RATIO = 0.70
_MAX_ODD_RATIO = 0.05
_MAX_REPEATED_RATIO = 0.30
_MIN_LINES = 3


class Presignal:
    """Counts what looks poor among the chunks shown to it; only the first 5000 are looked at."""

    def __init__(self) -> None:
        self.evaluated = self.flagged = 0
        self.by_check: Counter[str] = Counter(alpha_ratio=0, weird_chars=0, repeated_lines=0)

    def look_at(self, text: str) -> None:
        if self.evaluated >= _MAX_SAMPLES:
            return
        self.evaluated += 1
        found = find_signs(text)
        self.flagged += bool(found)
        self.by_check.update(found)

    def render(self) -> dict[str, Any]:
        return {
            "samples_evaluated": self.evaluated,
            "samples_flagged": self.flagged,
            "by_check": dict(self.by_check),
        }


def find_signs(text: str) -> list[str]:
    """Return which checks ``text`` fails."""
    solid = "".join(text.split())
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    repeats = sum(count for _, count in Counter(lines).most_common(3) if count > 1)
    odd = sum(1 for char in solid if char == "\ufffd" or not (char.isprintable()) or "\ue000" <= char <= "\uf8ff")
    signs = []
    if len(solid) >= _MIN_SOLID and sum(map(str.isalpha, solid)) < _MIN_ALPHABETIC_RATIO * len(solid):
        signs.append("alpha_ratio")
    if odd > _MAX_ODD_RATIO * len(solid):
        signs.append("weird_chars")
    if len(lines) >= _MIN_LINES and repeats > _MAX_REPEATED_RATIO * len(lines):
        signs.append("repeated_lines")
    return signs
