"""A limit fails what misses it, leaves open what may miss it, and never passes what was not measured."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forgelm.evaluate.measurement import Measurement
from forgelm.gate.limit import Limit, decide_limit


def measured(value: float | None, **details: Any) -> Measurement:
    return Measurement("share", value, 50, "share", 0.5, "the server was down" if value is None else None, details)


def interval(low: float, high: float) -> dict[str, Any]:
    return {"low": low, "high": high, "level": 0.95, "samples": 50}


@pytest.mark.parametrize(
    ("found", "limits", "status", "reason"),
    [
        (None, {"minimum": 0.5}, "not_measured", "share was not measured"),
        (measured(None), {"minimum": 0.5}, "not_measured", "the server was down"),
        (measured(None), {}, "not_measured", "the server was down"),
        (measured(math.nan), {"minimum": 0.5}, "failed", "share is nan"),
        (measured(-math.inf), {}, "failed", "share is -inf"),
        (measured(0.4), {"minimum": 0.5}, "failed", "share 0.4000 is below e.min 0.5000"),
        (measured(0.6), {"maximum": 0.5}, "failed", "share 0.6000 is above e.min 0.5000"),
        (measured(0.6), {"minimum": 0.5}, "inconclusive", "50 samples are too few"),
        (measured(0.6), {"minimum": 0.5, "gate_on": "point"}, "passed", "meets e.min"),
        (measured(0.6, interval=interval(0.4, 0.8)), {"minimum": 0.5}, "inconclusive", "only show that it is at least"),
        (measured(0.6, interval=interval(0.5, 0.8)), {"minimum": 0.5}, "passed", "bound 0.5000"),
        (measured(0.0, interval=interval(0.0, 0.07)), {"maximum": 0.05}, "inconclusive", "at most 0.0700"),
        (measured(0.0, interval=interval(0.0, 0.07), upper_bound=0.04), {"maximum": 0.05}, "passed", "bound 0.0400"),
        (measured(0.3), {}, "passed", "no limit was set"),
        (
            measured(0.7, change_interval=interval(0.1, 0.3)),
            {"minimum": 0.0, "of": "change"},
            "passed",
            "the change of",
        ),
        (
            measured(0.7, change_interval=interval(-0.1, 0.3)),
            {"minimum": 0.0, "of": "change"},
            "inconclusive",
            "change",
        ),
        (measured(0.4), {"minimum": 0.0, "of": "change"}, "failed", "the change of share from the base model -0.1000"),
    ],
)
def test_what_becomes_of_a_limit(found: Measurement | None, limits: dict[str, Any], status: str, reason: str) -> None:
    gate = decide_limit(found, Limit("g", "share", "e.min", **limits))
    assert gate.status == status
    assert reason in gate.reason


def test_a_change_without_a_base_model_is_not_measured() -> None:
    alone = Measurement("share", 0.7, 50, "share")
    assert decide_limit(alone, Limit("g", "share", "e.min", minimum=0.0, of="change")).status == "not_measured"
