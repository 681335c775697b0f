"""Every message has the contract's fields, numbers only as metrics, and no credential."""

from __future__ import annotations

import math

import pytest

from forgelm.base.redact import REDACTED
from forgelm.run.webhook import messages
from forgelm.run.webhook.messages import Message

KEY = "sk-abcdefghijklmnopqrstuvwxyz012345"
ALL = {
    ("training.start", "start", "started", "#0052cc"): messages.started("run"),
    ("training.success", "success", "succeeded", "#36a64f"): messages.succeeded("run", {}),
    ("training.failure", "failure", "failed", "#ff0000"): messages.failed("run", "why"),
    ("training.reverted", "failure", "reverted", "#ff9900"): messages.reverted("run", "why"),
    ("approval.required", "success", "awaiting_approval", "#f2c744"): messages.awaiting_approval("run", "/m"),
    ("pipeline.started", "start", "started", "#0052cc"): messages.pipeline_started("run", 3),
    ("pipeline.completed", "success", "completed", "#36a64f"): messages.pipeline_completed("run", "completed", None),
    ("pipeline.completed", "failure", "stopped_at_stage", "#cc0000"): messages.pipeline_completed(
        "run", "stopped_at_stage", "dpo"
    ),
    ("pipeline.stage_reverted", "failure", "reverted", "#ff9900"): messages.pipeline_stage_reverted(
        "run", "dpo", "why"
    ),
}


@pytest.mark.parametrize(("facts", "message"), ALL.items(), ids=lambda part: part[0] if isinstance(part, tuple) else "")
def test_the_contracts_table(facts: tuple[str, str, str, str], message: Message) -> None:
    payload = message.payload()
    (attachment,) = payload["attachments"]
    assert (payload["event"], message.occasion, payload["status"], attachment["color"]) == facts
    assert payload["run_name"] == "run"
    assert attachment["title"] and "run" in attachment["text"]
    assert {"event", "run_name", "status", "metrics", "reason", "model_path", "attachments"} <= set(payload)


def test_fields_of_single_events() -> None:
    assert messages.failed("run", "why").payload()["reason"] == "why"
    assert messages.awaiting_approval("run", "/m").payload()["model_path"] == "/m"
    assert messages.pipeline_started("run", 3).payload()["stage_count"] == 3
    stopped = messages.pipeline_completed("run", "stopped_at_stage", "dpo").payload()
    assert (stopped["final_status"], stopped["stopped_at"]) == ("stopped_at_stage", "dpo")
    assert messages.pipeline_stage_reverted("run", "dpo", "why").payload()["stage_name"] == "dpo"


def test_metrics_are_finite_numbers() -> None:
    given = {"loss": 0.5, "steps": 3, "passed": True, "nan": math.nan, "inf": math.inf, "name": "x", "none": None}
    assert messages.succeeded("run", given).payload()["metrics"] == {"loss": 0.5, "steps": 3, "passed": True}


def test_credentials_are_hidden_before_a_long_reason_is_cut() -> None:
    payload = messages.failed(f"run {KEY}", "x" * 2040 + " " + KEY).payload()
    assert KEY[:12] not in str(payload)
    assert payload["run_name"] == f"run {REDACTED}"
    assert payload["reason"].endswith("… (truncated)")
    assert len(payload["reason"]) == 2048 + len("… (truncated)")
