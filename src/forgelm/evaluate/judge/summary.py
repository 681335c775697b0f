"""A run's measurements into what its result and its log say of the judge in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.evaluate.judge.report import RESULTS, SCORE
from forgelm.evaluate.measurement import Measurement


@dataclass(frozen=True)
class JudgeSummary:
    """The contract's words for a judging; ``average_score`` is ``None`` where nothing was measured."""

    passed: bool
    average_score: float | None
    details: list[dict[str, Any]]

    def as_event(self) -> dict[str, Any]:
        """Return the fields of the event ``judge.evaluation_completed``."""
        return {"passed": self.passed, "average_score": self.average_score}

    def as_result(self) -> dict[str, Any]:
        """Return the fields of a run's result that begin with ``judge_``."""
        return {"judge_score": self.average_score, "judge_details": self.details}


def summarise_judge(measured: Sequence[Measurement]) -> JudgeSummary | None:
    """Return the summary, or ``None`` where no judge was asked."""
    score = next((one for one in measured if one.name == SCORE), None)
    if score is None:
        return None
    results = score.files.get(RESULTS, {})
    return JudgeSummary(bool(results.get("passed")), score.value, list(results.get("details", ())))
