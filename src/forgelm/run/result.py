"""What a training returns to its caller."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any


@dataclass
class TrainResult:
    """Result of ``ForgeTrainer.train()``.

    ``success`` is true only when every gate passed. ``reverted`` means the model was refused and lies in quarantine;
    ``awaiting_approval`` that it waits in ``staging_path`` for a person. Losses in ``metrics`` are nats per token.
    ``decided_elsewhere`` is true in all but the first of several processes: that one has the verdict.
    ``audit_log`` is the ``size`` and ``root`` of the closed log: kept elsewhere, it shows that none is missing.
    """

    success: bool
    metrics: dict[str, float] = field(default_factory=dict)
    final_model_path: str | None = None
    reverted: bool = False
    error: str | None = None
    benchmark_scores: dict[str, float] | None = None
    benchmark_average: float | None = None
    benchmark_passed: bool | None = None
    safety_passed: bool | None = None
    safety_score: float | None = None
    safety_categories: dict[str, int] | None = None
    safety_severity: dict[str, int] | None = None
    safety_low_confidence: int | None = None
    judge_score: float | None = None
    judge_details: list[dict[str, Any]] | None = None
    estimated_cost_usd: float | None = None
    staging_path: str | None = None
    resource_usage: dict[str, Any] | None = None
    awaiting_approval: bool = False
    run_id: str | None = None
    config_hash: str | None = None
    gates: list[dict[str, Any]] = field(default_factory=list)
    quarantine_path: str | None = None
    audit_log: dict[str, Any] | None = None
    decided_elsewhere: bool = False

    @property
    def output_dir(self) -> str | None:
        """The folder the model is in now, wherever the verdict sent it."""
        return self.final_model_path or self.staging_path or self.quarantine_path

    @property
    def revert_reason(self) -> str | None:
        """Why the gates refused the model, or ``None``."""
        return self.error

    @property
    def verdict(self) -> str:
        """``refused``, ``promoted`` or ``awaiting approval``, the last two possibly ``although a gate failed``."""
        if self.decided_elsewhere:
            return "given by the first process"
        if self.reverted:
            return "refused"
        place = "awaiting approval" if self.awaiting_approval else "promoted"
        return place if self.success else f"{place} although a gate failed"

    def _repr_html_(self) -> str:
        colour = "#1a7f37" if self.success else "#cf222e"
        rows = [("verdict", self.verdict), ("reason", self.error), ("model", self.output_dir), ("run", self.run_id)]
        rows += [(gate["gate"], f"{gate['status']}: {gate['reason']}") for gate in self.gates]
        rows += [(name, f"{value:.4g}") for name, value in self.metrics.items()]
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
            for name, value in rows
            if value is not None
        )
        return f"<table style='border-left:4px solid {colour}'>{body}</table>"
