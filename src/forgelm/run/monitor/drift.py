"""Compares a run's results with those of the last run in the same folder: what became worse, and by how much."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forgelm.base.files import write_json

# What is better when it is lower; of these results a higher value is better.
_LOWER = ("eval_loss", "perplexity", "unsafe", "over_refusal")
_HIGHER = ("eval_reward", "accuracy", "judge/", "benchmark/", "text/", "safety/safe", "safety/safety_score")


def find_drift(before: Mapping[str, Any], now: Mapping[str, Any], tolerance: float) -> dict[str, float]:
    """Return the results that are worse than before by more than ``tolerance``, with the share by which they are."""
    found = {}
    for name, value in now.items():
        old, sign = before.get(name), _direction(name)
        if sign and _is_number(old) and _is_number(value) and old:
            worse = sign * (value - old) / abs(old)
            if worse > tolerance:
                found[name] = worse
    return found


def read_results(path: Path) -> dict[str, Any]:
    """Return the results of the last run, none where there was none or they cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_results(path: Path, metrics: Mapping[str, Any]) -> Path:
    """Keep the results for the next run.

    Raises:
        StorageError: they could not be written.
    """
    return write_json(path, {name: value for name, value in metrics.items() if _is_number(value)})


def _direction(name: str) -> int:
    """Return 1 where a higher value is worse, -1 where it is better, 0 where nobody can say."""
    if name.startswith("baseline"):
        return 0
    if any(part in name for part in _LOWER):
        return 1
    return -1 if name.startswith(_HIGHER) else 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
