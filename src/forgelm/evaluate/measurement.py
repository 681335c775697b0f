"""What every evaluator returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One number about a model. ``n`` is how many things it was measured on; ``baseline`` the base model's value.

    ``value`` is ``None`` when it was asked for and could not be measured; ``problem`` then says why. ``scores`` holds
    one number for every row, in the rows' order: ``value`` is their mean, weighted by ``weights`` where there are any.
    ``files`` is what the evaluation leaves in the run folder, single rows and all: path to a JSON value, or to a list
    of them where the path ends in ``.jsonl``.
    """

    name: str
    value: float | None
    n: int
    unit: str
    baseline: float | None = None
    problem: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[float, ...] = field(default=(), repr=False)
    weights: tuple[float, ...] | None = field(default=None, repr=False)
    files: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def as_record(self) -> dict[str, Any]:
        """Return what documents say of it: everything but the single rows and the files."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "n": self.n,
            "baseline": self.baseline,
            "problem": self.problem,
            "details": dict(self.details),
        }
