"""Reads a judge's reply: points or the better answer out, nothing where the reply is not clearly one of the form."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_BLOCK = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
# What a reasoning model says to itself first.
_THOUGHT = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_LEAST, _MOST = 1.0, 10.0
_SIDES = {"a": "A", "b": "B", "tie": "tie"}


def parse_score(text: str) -> float | None:
    """Return the points, cut to 1 to 10, or ``None``."""
    found = {_points(value) for value in _objects(text)}
    # A reply that quotes the answer it grades may hold two objects; which one is meant is anyone's guess.
    return found.pop() if len(found) == 1 else None


def parse_comparison(text: str) -> str | None:
    """Return ``A``, ``B`` or ``tie``, or ``None``."""
    found = {_SIDES.get(str(value.get("better")).strip().lower()) for value in _objects(text)}
    return found.pop() if len(found) == 1 else None


def parse_reason(text: str) -> str | None:
    """Return the reason given with the points."""
    reasons = [value.get("reason") for value in _objects(text)]
    return reasons[0] if reasons and isinstance(reasons[0], str) else None


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the whole reply as JSON object, else every fenced block that is one."""
    said = _THOUGHT.sub("", text, count=1).strip()
    whole = _load(said)
    if whole is not None:
        return [whole]
    return [value for block in _BLOCK.findall(said) if (value := _load(block)) is not None]


def _load(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _points(value: dict[str, Any]) -> float | None:
    score = value.get("score")
    if isinstance(score, bool) or not isinstance(score, (int, float, str)):
        return None
    try:
        points = float(score)
    except (ValueError, OverflowError):
        return None
    return min(max(points, _LEAST), _MOST) if math.isfinite(points) else None
