"""What was measured: of one model, and of two side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetune_cli.core.types import EvaluationMetric

_LOWER_IS_BETTER = frozenset({EvaluationMetric.PERPLEXITY})
_WIDTH = 60


@dataclass(frozen=True)
class EvaluationResult:
    """``scores`` by the metric's name; ``elapsed_seconds`` is wall-clock, generation included."""

    model_label: str
    scores: Mapping[str, float]
    num_samples: int
    elapsed_seconds: float

    def as_record(self) -> dict[str, Any]:
        return {
            "model_label": self.model_label,
            "scores": dict(self.scores),
            "num_samples": self.num_samples,
            "elapsed_seconds": self.elapsed_seconds,
        }


@dataclass(frozen=True)
class BenchmarkReport:
    """Two models on the same rows."""

    baseline: EvaluationResult
    finetuned: EvaluationResult

    @property
    def improvements(self) -> dict[str, float]:
        """By how much the fine-tuned model is better: above 0 is better for every metric, perplexity included."""
        return {name: self._sign(name) * (score - self.baseline.scores[name]) for name, score in self._shared()}

    def summary(self) -> str:
        """Return a table as text: each metric of both models and by how much the second is better."""
        head = f"{'metric':<14}{'base':>13}{'fine-tuned':>13}{'improvement':>17}"
        lines = ["=" * _WIDTH, f"{self.baseline.num_samples} samples".ljust(_WIDTH), "-" * _WIDTH, head, "-" * _WIDTH]
        for name, score in self._shared():
            better = self.improvements[name]
            mark = "▲" if better > 0 else "▼" if better < 0 else "="
            lines.append(f"{name:<14}{self.baseline.scores[name]:>13.4f}{score:>13.4f}{better:>+15.4f} {mark}")
        if any(name in _LOWER_IS_BETTER for name, _ in self._shared()):
            lines += ["-" * _WIDTH, "perplexity: lower is better"]
        return "\n".join(line.rstrip() for line in [*lines, "=" * _WIDTH])

    def as_record(self) -> dict[str, Any]:
        return {
            "baseline": self.baseline.as_record(),
            "finetuned": self.finetuned.as_record(),
            "improvements": self.improvements,
        }

    def _shared(self) -> list[tuple[str, float]]:
        return [(name, score) for name, score in self.finetuned.scores.items() if name in self.baseline.scores]

    @staticmethod
    def _sign(name: str) -> int:
        return -1 if name in _LOWER_IS_BETTER else 1
