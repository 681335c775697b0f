"""What every evaluator returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One number about a model. ``n`` is how many things it was measured on; ``baseline`` the base model's value.

    ``value`` is ``None`` when it was asked for and could not be measured; ``problem`` then says why.
    """

    name: str
    value: float | None
    n: int
    unit: str
    baseline: float | None = None
    problem: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
