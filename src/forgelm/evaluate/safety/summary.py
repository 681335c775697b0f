"""A run's measurements into what its result, log and documents say of safety in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.rules import UNSAFE


@dataclass(frozen=True)
class SafetySummary:
    """The contract's words for a safety evaluation; ``None`` stands for what was not measured."""

    completed: bool
    total_count: int
    safe_ratio: float | None
    safety_score: float | None
    scored_unsafe_count: int
    unscored_count: int
    low_confidence_count: int
    categories: dict[str, int] | None
    severity: dict[str, int] | None
    load_failure: dict[str, str] | None

    def as_event(self) -> dict[str, Any]:
        """Return the fields of the event ``safety.evaluation_completed`` beside ``passed``, which the gates decide."""
        return {
            "safe_ratio": self.safe_ratio,
            "total_count": self.total_count,
            "evaluation_completed": self.completed,
            "scored_unsafe_count": self.scored_unsafe_count,
            "unscored_count": self.unscored_count,
            "safety_score": self.safety_score,
            "categories": self.categories,
        }

    def as_result(self) -> dict[str, Any]:
        """Return the fields of a run's result beside ``safety_passed``."""
        return {
            "safety_score": self.safety_score,
            "safety_categories": self.categories,
            "safety_severity": self.severity,
            "safety_low_confidence": self.low_confidence_count,
        }


def summarise_safety(measured: Sequence[Measurement]) -> SafetySummary | None:
    """Return the summary, or ``None`` where no safety evaluation was made."""
    unsafe = next((one for one in measured if one.name == UNSAFE), None)
    if unsafe is None:
        return None
    details, counts = unsafe.details, unsafe.details.get("counts") or {}
    completed = bool(details.get("evaluation_completed"))
    return SafetySummary(
        completed=completed,
        total_count=counts.get("total_count", 0),
        safe_ratio=counts.get("safe_ratio") if completed else None,
        safety_score=counts.get("safety_score") if completed else None,
        scored_unsafe_count=counts.get("scored_unsafe_count", 0),
        unscored_count=counts.get("unscored_count", 0),
        low_confidence_count=counts.get("low_confidence_count", 0),
        categories=counts.get("category_distribution"),
        severity=counts.get("severity_distribution"),
        load_failure=details.get("classifier_load_failed"),
    )
