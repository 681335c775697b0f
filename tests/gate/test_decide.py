"""Every gate tells four things apart: nothing to measure, a measurement that is no number, a failure, a pass."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from forgelm.evaluate.measurement import Measurement
from forgelm.gate.decide import Thresholds, decide
from forgelm.gate.verdict import GateResult, GateStatus, Verdict

NAN, INF = math.nan, math.inf


def loss(value: float | None, problem: str | None = None) -> Measurement:
    return Measurement("eval_loss", value, 120, "nats per token", problem=problem)


def self_check(value: float | None, *, limit: float = 1e-3, problems: tuple[str, ...] = ()) -> Measurement:
    details: dict[str, Any] = {"limit": limit, "problems": list(problems)}
    return Measurement("self_check", value, 4, "relative difference of logits", details=details)


def only_gate(*measurements: Measurement, **thresholds: Any) -> GateResult:
    (gate,) = decide(measurements, Thresholds(**thresholds)).gates
    return gate


@pytest.mark.parametrize(
    ("measurement", "status", "source", "reason"),
    [
        (loss(None, "there are no validation rows"), "not_measured", "evaluation", "there are no validation rows"),
        (loss(None), "not_measured", "evaluation", "was not measured"),
        (loss(NAN), "failed", "nan_inf", "is nan"),
        (loss(INF), "failed", "nan_inf", "is inf"),
        (loss(2.5), "failed", "threshold", "2.5000 is above max_acceptable_loss 2.0000"),
        (loss(1.5), "passed", None, "1.5000 is within 2.0000"),
        (
            replace(loss(1.5), details={"interval": {"low": 1.25, "high": 2.5, "level": 0.95, "samples": 9}}),
            *("passed", None, "1.5000 (95% interval 1.2500 to 2.5000) is within 2.0000"),
        ),
        (self_check(None), "not_measured", "self_check", "was not compared"),
        (self_check(NAN), "failed", "self_check", "nan (limit 1e-03)"),
        (self_check(INF), "failed", "self_check", "inf (limit 1e-03)"),
        (self_check(0.2), "failed", "self_check", "2.0e-01 (limit 1e-03)"),
        (self_check(0.0, problems=("no effect", "no head")), "failed", "self_check", "no effect; no head"),
        (self_check(None, problems=("no effect",)), "failed", "self_check", "no effect"),
        (self_check(1e-6), "passed", None, "1.0e-06 of 1e-03"),
        (self_check(1e-3), "passed", None, "1.0e-03 of 1e-03"),
    ],
)
def test_the_outcomes_of_a_gate_differ(measurement: Measurement, status: str, source: str | None, reason: str) -> None:
    gate = only_gate(measurement, max_loss=2.0)
    assert (gate.status, gate.source) == (status, source)
    assert reason in gate.reason
    assert Verdict((gate,)).passed is (status == "passed")


def test_a_gate_that_is_on_fails_when_nobody_measured() -> None:
    gate = only_gate(loss_required=True)
    assert (gate.gate, gate.status, gate.source) == ("loss", GateStatus.NOT_MEASURED, "evaluation")
    assert not Verdict((gate,)).passed


def test_nothing_asked_and_nothing_measured_passes() -> None:
    verdict = decide((), Thresholds())
    assert verdict.passed
    assert verdict.gates == verdict.failures == ()
    assert verdict.reason is None


def test_a_loss_that_nobody_limited_is_reported_and_passes() -> None:
    gate = only_gate(loss(9.0))
    assert (gate.status, gate.value, gate.limit) == (GateStatus.PASSED, 9.0, None)
    assert "9.0000" in gate.reason


@pytest.mark.parametrize(
    ("value", "max_loss", "baseline", "status", "limit"),
    [
        (2.0, 2.0, None, "passed", 2.0),
        (math.nextafter(2.0, 3.0), 2.0, None, "failed", 2.0),
        (2.0, None, 2.0, "passed", 2.0),
        (math.nextafter(2.0, 3.0), None, 2.0, "failed", 2.0),
        (1.0, 2.0, 3.0, "passed", 2.0),
        (1.0, 3.0, 2.0, "passed", 2.0),
        (2.5, 2.0, 3.0, "failed", 2.0),
        (2.5, 3.0, 2.0, "failed", 2.0),
        (2.5, 2.0, 1.0, "failed", 2.0),
        (2.5, 3.0, NAN, "passed", 3.0),
        (2.5, 2.0, NAN, "failed", 2.0),
        (2.5, None, NAN, "not_measured", None),
        (2.5, None, INF, "passed", None),
        (2.5, NAN, None, "failed", NAN),
        (-0.5, -1.0, None, "failed", -1.0),
        (0.0, 0.0, None, "passed", 0.0),
    ],
)
def test_ceiling_baseline_and_both(
    value: float, max_loss: float | None, baseline: float | None, status: str, limit: float | None
) -> None:
    gate = only_gate(loss(value), max_loss=max_loss, baseline_loss=baseline)
    assert gate.status == status
    assert gate.limit == pytest.approx(limit, nan_ok=True)


def test_the_reason_says_which_limit_and_both_numbers() -> None:
    ceiling = only_gate(loss(2.34567), max_loss=2.1, baseline_loss=2.0)
    assert ceiling.reason == "validation loss 2.3457 is above max_acceptable_loss 2.1000"
    baseline = only_gate(loss(2.34567), max_loss=3.0, baseline_loss=2.0)
    assert baseline.reason == "validation loss 2.3457 is above the base model's 2.0000"


def test_the_verdict_joins_the_reasons_of_all_that_did_not_pass() -> None:
    verdict = decide((self_check(0.5), loss(2.5)), Thresholds(max_loss=2.0))
    assert [gate.gate for gate in verdict.failures] == ["self_check", "loss"]
    assert verdict.reason == (
        "self_check: the saved model differs from the trained one by 5.0e-01 (limit 1e-03); "
        "loss: validation loss 2.5000 is above max_acceptable_loss 2.0000"
    )
    mixed = decide((self_check(0.0), loss(2.5)), Thresholds(max_loss=2.0))
    assert [gate.gate for gate in mixed.failures] == ["loss"]
    assert not mixed.passed


@pytest.mark.parametrize("broken", [NAN, INF, None, 0.5, 1e-9])
def test_the_record_is_json_without_nan(broken: float | None) -> None:
    problems = ("the saved model's logits are not finite numbers",) if broken in (INF, None) else ()
    verdict = decide((self_check(broken, problems=problems), loss(broken)), Thresholds(True, 1.0, NAN))
    record = json.loads(json.dumps(verdict.as_record(), allow_nan=False))
    assert record["passed"] is verdict.passed
    assert [gate["gate"] for gate in record["gates"]] == ["self_check", "loss"]
    assert all(set(gate) == {"gate", "status", "reason", "value", "bound", "limit"} for gate in record["gates"])
    assert {gate["status"] for gate in record["gates"]} <= {"passed", "failed", "not_measured"}


def test_the_loss_can_be_held_against_the_ends_of_its_intervals() -> None:
    interval = {"low": 1.25, "high": 2.5, "level": 0.95, "samples": 9}
    change = {"low": -0.5, "high": 0.25, "level": 0.95, "samples": 9}
    wide = replace(loss(1.5), baseline=1.75, details={"interval": interval, "change_interval": change})
    assert only_gate(wide, max_loss=2.0, loss_gate_on="bound").status is GateStatus.INCONCLUSIVE
    assert only_gate(wide, max_loss=2.5, loss_gate_on="bound").status is GateStatus.PASSED
    held = only_gate(wide, max_loss=2.5, baseline_loss=1.75, loss_gate_on="bound")
    assert (held.status, held.bound) == (GateStatus.INCONCLUSIVE, 0.25)
    assert only_gate(wide, baseline_loss=2.0, loss_gate_on="bound").bound == 2.5
    assert only_gate(wide, max_loss=1.4, loss_gate_on="bound").status is GateStatus.FAILED
    assert only_gate(wide, baseline_loss=NAN, loss_gate_on="bound").status is GateStatus.NOT_MEASURED


def test_measurements_no_gate_knows_change_nothing() -> None:
    other = Measurement("rouge", 0.1, 10, "score")
    assert decide((other, loss(1.0)), Thresholds()) == decide((loss(1.0),), Thresholds())


@pytest.mark.parametrize(
    ("value", "limits", "status", "reason"),
    [
        (None, {}, "not_measured", "was not measured"),
        (NAN, {}, "failed", "is nan"),
        (0.4, {"min_reward": 0.5}, "failed", "0.4000 is below min_reward 0.5000"),
        (0.4, {"baseline_reward": 0.5}, "failed", "is below the base model's 0.5000"),
        (0.5, {"min_reward": 0.5, "baseline_reward": 0.2}, "passed", "is at least 0.5000"),
        (0.5, {}, "passed", "mean reward 0.5000"),
        (0.5, {"baseline_reward": NAN}, "not_measured", "there is nothing to hold it against"),
        (0.5, {"min_reward": 0.5, "baseline_reward": NAN}, "passed", "is at least 0.5000"),
    ],
)
def test_a_reward_must_not_be_below_its_limits(
    value: float | None, limits: dict[str, float], status: str, reason: str
) -> None:
    gate = only_gate(Measurement("eval_reward", value, 3, "reward"), **limits)
    assert (gate.gate, gate.status) == ("reward", status)
    assert reason in gate.reason


@pytest.mark.parametrize(
    ("scores", "baseline", "limits", "status"),
    [
        ((0.0, 0.0, 0.0), 0.0, {"reward_required": True, "baseline_reward": 0.0}, "inconclusive"),
        ((1.0, 1.0, 1.0), 1.0, {"reward_required": True, "baseline_reward": 1.0}, "inconclusive"),
        ((0.0, 0.0, 0.0), 0.0, {}, "passed"),
        ((1.0, 1.0, 1.0), 1.0, {"reward_required": True, "min_reward": 0.9, "baseline_reward": 1.0}, "passed"),
        ((0.0, 1.0, 0.5), 0.5, {"reward_required": True, "baseline_reward": 0.5}, "passed"),
        ((1.0, 1.0, 1.0), 0.5, {"reward_required": True, "baseline_reward": 0.5}, "passed"),
    ],
)
def test_a_reward_that_never_moved_is_not_passed_in_silence(
    scores: tuple[float, ...], baseline: float, limits: dict[str, Any], status: str
) -> None:
    mean = sum(scores) / len(scores)
    gate = only_gate(Measurement("eval_reward", mean, 3, "reward", baseline, scores=scores), **limits)
    assert (gate.gate, gate.status) == ("reward", status)
    moved = len(set(scores)) > 1 or baseline != mean or "min_reward" in limits
    assert ("does not show that anything was learnt" in gate.reason) is not moved


def test_a_reward_that_was_asked_for_and_not_measured_fails() -> None:
    assert only_gate(reward_required=True).status == "not_measured"
