"""Checks a ``rope_scaling`` mapping before a model is asked to use it."""

from __future__ import annotations

import math
from typing import Any

from forgelm.config.section import read_number

ROPE_TYPES = ("linear", "dynamic", "yarn", "longrope")
_FACTOR_LISTS = ("short_factor", "long_factor")


def check_rope_scaling(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the mapping with numbers written as text turned into numbers.

    Raises:
        ValueError: the kind is missing or unknown, or a factor it needs is missing or not a positive number.
    """
    if value is None:
        return None
    kind = value.get("rope_type", value.get("type"))
    if kind not in ROPE_TYPES:
        raise ValueError(f"needs the key rope_type, one of: {', '.join(ROPE_TYPES)}")
    checked = dict(value)
    if "factor" in value or kind != "longrope":
        checked["factor"] = _check_factor(kind, value.get("factor"))
    if kind == "longrope":
        checked |= {name: _check_factor_list(name, value.get(name)) for name in _FACTOR_LISTS}
    return checked


def _check_factor(kind: str, value: Any) -> float:
    number = value if isinstance(value, bool) else read_number(value)
    if not _is_number(number) or number <= 0:
        raise ValueError(f"of type {kind} needs 'factor', a number above 0")
    return float(number) if isinstance(number, float) else number


def _check_factor_list(name: str, value: Any) -> list[float]:
    numbers = (
        [item if isinstance(item, bool) else read_number(item) for item in value] if isinstance(value, list) else []
    )
    if not numbers or not all(_is_number(number) for number in numbers):
        raise ValueError(f"of type longrope needs '{name}', a list of numbers")
    return numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
