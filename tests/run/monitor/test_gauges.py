"""What a run reports becomes numbers, and only numbers."""

from __future__ import annotations

import math

import pytest

from forgelm.base.events import Event
from forgelm.run.monitor.gauges import Gauges


def values(gauges: Gauges) -> dict[str, float]:
    return {gauge.name + "".join(f":{value}" for _, value in gauge.labels): gauge.value for gauge in gauges.read()}


def test_progress_and_results() -> None:
    gauges = Gauges(24, clock=lambda: 1000.0)
    gauges(Event.STAGE, name="training")
    gauges(Event.PROGRESS, step=3, total=10, loss=0.5, learning_rate=math.nan, tokens_per_second=None, other=7)
    assert gauges.stage == "training"
    assert values(gauges) == {
        "up": 1,
        "step": 3,
        "steps": 10,
        "loss": 0.5,
        "last_event_timestamp_seconds": 1000,
        "next_check_due_timestamp_seconds": 1000 + 24 * 3600,
    }
    gauges(Event.PIPELINE_COMPLETED, success=True, metrics_summary={"eval_loss": 0.4, "note": "x"})
    found = values(gauges)
    assert (found["up"], found["ended"], found["success"], found["metric:eval_loss"]) == (0, 1, 1, 0.4)
    assert "metric:note" not in found
    gauges.drift("eval_loss", 0.25)
    assert values(gauges)["drift:eval_loss"] == 0.25
    assert all(gauge.help for gauge in gauges.read())


@pytest.mark.parametrize("event", [Event.PIPELINE_FAILED, Event.PIPELINE_STOPPED])
def test_a_run_that_does_not_finish_is_no_success(event: Event) -> None:
    gauges = Gauges(1)
    gauges(event, error="x")
    assert (values(gauges)["success"], values(gauges)["ended"]) == (0, 1)
