"""What happened into a message: the contract's event, status, colour and words, without credentials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from forgelm.base.files import to_json_safe
from forgelm.base.redact import redact

Occasion = Literal["start", "success", "failure"]
_LONGEST_REASON = 2048
_CUT = "… (truncated)"
_BLUE, _GREEN, _RED, _ORANGE, _YELLOW, _DARK_RED = "#0052cc", "#36a64f", "#ff0000", "#ff9900", "#f2c744", "#cc0000"


@dataclass(frozen=True)
class Message:
    """One message. ``occasion`` is what the user switches on and off; ``extras`` are the event's own fields."""

    event: str
    occasion: Occasion
    status: str
    run_name: str
    title: str
    text: str
    color: str
    reason: str | None = None
    model_path: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        """Return the contract's fields; numbers only among the metrics, no credential anywhere."""
        shown: dict[str, Any] = redact(
            to_json_safe(
                {
                    "event": self.event,
                    "run_name": self.run_name,
                    "status": self.status,
                    "metrics": _numbers(self.metrics),
                    "reason": self.reason,
                    "model_path": self.model_path,
                    "attachments": [{"title": self.title, "text": self.text, "color": self.color}],
                    **self.extras,
                }
            )
        )
        # Cut after hiding: half a credential is not recognised as one.
        shown["reason"] = _cut(shown["reason"])
        shown["attachments"][0]["text"] = _cut(shown["attachments"][0]["text"])
        return shown


def started(run_name: str) -> Message:
    return Message(
        "training.start", "start", "started", run_name, "Training started", f"{run_name} is training.", _BLUE
    )


def succeeded(run_name: str, metrics: Mapping[str, Any]) -> Message:
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in _numbers(metrics).items())
    text = f"{run_name} has a final model." + (f" {numbers}" if numbers else "")
    return Message(
        "training.success", "success", "succeeded", run_name, "Training succeeded", text, _GREEN, metrics=metrics
    )


def failed(run_name: str, reason: str) -> Message:
    text = f"{run_name} failed: {reason}"
    return Message("training.failure", "failure", "failed", run_name, "Training failed", text, _RED, reason=reason)


def reverted(run_name: str, reason: str) -> Message:
    text = f"The model of {run_name} was refused and is in quarantine: {reason}"
    return Message("training.reverted", "failure", "reverted", run_name, "Model refused", text, _ORANGE, reason=reason)


def awaiting_approval(run_name: str, model_path: str) -> Message:
    text = f"The model of {run_name} waits for a person's decision: {model_path}"
    return Message(
        "approval.required",
        "success",
        "awaiting_approval",
        run_name,
        "Approval required",
        text,
        _YELLOW,
        None,
        model_path,
    )


def pipeline_started(run_name: str, stage_count: int) -> Message:
    text = f"{run_name} begins; stages: {stage_count}."
    extras = {"stage_count": stage_count}
    return Message("pipeline.started", "start", "started", run_name, "Pipeline started", text, _BLUE, extras=extras)


def pipeline_completed(run_name: str, final_status: str, stopped_at: str | None) -> Message:
    good = final_status == "completed"
    text = f"{run_name} ended: {final_status}" + (f" at {stopped_at}" if stopped_at else "")
    return Message(
        "pipeline.completed",
        "success" if good else "failure",
        final_status,
        run_name,
        "Pipeline completed" if good else "Pipeline stopped",
        text,
        _GREEN if good else _DARK_RED,
        extras={"final_status": final_status, "stopped_at": stopped_at},
    )


def pipeline_stage_reverted(run_name: str, stage_name: str, reason: str) -> Message:
    text = f"The model of stage {stage_name} of {run_name} was refused: {reason}"
    extras = {"stage_name": stage_name}
    return Message(
        "pipeline.stage_reverted",
        "failure",
        "reverted",
        run_name,
        "Stage refused",
        text,
        _ORANGE,
        reason=reason,
        extras=extras,
    )


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {
        str(name): value for name, value in metrics.items() if isinstance(value, (int, float)) and math.isfinite(value)
    }


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + _CUT
