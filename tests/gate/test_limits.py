"""The limits of a run are those its configuration names, and the base model's where it says so."""

from __future__ import annotations

from typing import Any

import pytest
from support import sections

from forgelm.config.root import ForgeConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.gate.decide import Thresholds
from forgelm.gate.limits import build_thresholds

MEASURED = (
    Measurement("eval_loss", 1.0, 10, "nats per token", 2.0),
    Measurement("eval_reward", 0.5, 10, "reward", 0.25),
)


def thresholds(trainer: str = "sft", **evaluation: Any) -> Thresholds:
    given = {"evaluation": evaluation} if evaluation else {}
    return build_thresholds(
        ForgeConfig(**sections("d.jsonl", "out", training={"trainer_type": trainer}, **given)), MEASURED
    )


@pytest.mark.parametrize(
    ("evaluation", "expected"),
    [
        ({}, Thresholds()),
        ({"auto_revert": True}, Thresholds(True, baseline_loss=2.0)),
        ({"auto_revert": True, "baseline_loss": 3.0}, Thresholds(True, baseline_loss=3.0)),
        ({"max_acceptable_loss": 1.5}, Thresholds(True, 1.5)),
        (
            {"on_inconclusive": "fail", "loss_gate_on": "bound"},
            Thresholds(loss_gate_on="bound", on_inconclusive="fail"),
        ),
    ],
)
def test_the_loss_limits_are_those_of_the_configuration(evaluation: dict[str, Any], expected: Thresholds) -> None:
    assert thresholds(**evaluation) == expected


def test_a_reward_takes_the_place_of_the_loss_in_grpo() -> None:
    found = thresholds("grpo", auto_revert=True, min_reward=0.1)
    assert (found.reward_required, found.min_reward, found.baseline_reward) == (True, 0.1, 0.25)
    assert (found.loss_required, found.baseline_loss) == (False, None)


def test_a_text_metric_without_a_limit_must_still_be_measured() -> None:
    text = {"enabled": True, "metrics": ["bleu", "rougeL"], "min_score": {"bleu": 0.3}, "min_improvement": {"bleu": 0}}
    found = thresholds(text=text).limits
    assert [(limit.gate, limit.minimum, limit.of) for limit in found] == [
        ("text.bleu", 0.3, "value"),
        ("text.bleu.improvement", 0.0, "change"),
        ("text.rougeL", None, "value"),
    ]
    assert thresholds(text={**text, "enabled": False}).limits == ()


def test_the_safety_limits_are_those_of_the_section() -> None:
    safety = {"enabled": True, "severity_thresholds": {"critical": 0.0}, "max_unsafe_increase": 0.02}
    found = thresholds(safety=safety).limits
    assert [(limit.gate, limit.maximum, limit.gate_on, limit.of) for limit in found] == [
        ("safety", 0.05, "bound", "value"),
        ("safety.increase", 0.02, "bound", "change"),
        ("safety.critical", 0.0, "point", "value"),
    ]
    assert thresholds(safety={"enabled": False}).limits == ()
