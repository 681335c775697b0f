"""Measurements and limits in, a verdict with its reasons out. Pure: nothing is read, written or measured here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from forgelm.evaluate.measurement import Measurement

__all__ = ["GateResult", "GateStatus", "Thresholds", "Verdict", "decide"]


class GateStatus(StrEnum):
    """How a gate ended. A gate that is on and has nothing to measure is ``NOT_MEASURED``, which fails."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True)
class Thresholds:
    """The limits the user set, losses in nats; ``None`` is no limit. ``loss_required`` switches that gate on."""

    loss_required: bool = False
    max_loss: float | None = None
    baseline_loss: float | None = None
    reward_required: bool = False
    min_reward: float | None = None
    baseline_reward: float | None = None


@dataclass(frozen=True)
class GateResult:
    """One gate's decision and the sentence that explains it. ``source`` is the contract's word for a failure."""

    gate: str
    status: GateStatus
    reason: str
    value: float | None = None
    limit: float | None = None
    source: str | None = None


@dataclass(frozen=True)
class Verdict:
    """All gates together. No gate at all passes: nothing was asked."""

    gates: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        return all(gate.status is GateStatus.PASSED for gate in self.gates)

    @property
    def failures(self) -> tuple[GateResult, ...]:
        return tuple(gate for gate in self.gates if gate.status is not GateStatus.PASSED)

    @property
    def reason(self) -> str | None:
        """The sentences of every gate that did not pass, or ``None``."""
        return "; ".join(f"{gate.gate}: {gate.reason}" for gate in self.failures) or None

    def as_record(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "gates": [
                {"gate": g.gate, "status": g.status, "reason": g.reason, "value": g.value, "limit": g.limit}
                for g in self.gates
            ],
        }


def decide(measurements: Sequence[Measurement], thresholds: Thresholds) -> Verdict:
    """Return the verdict. Every measurement has its gate; a limit without a measurement fails."""
    by_name = {measurement.name: measurement for measurement in measurements}
    gates = []
    if (check := by_name.get("self_check")) is not None:
        gates.append(_decide_self_check(check))
    loss = by_name.get("eval_loss")
    if thresholds.loss_required or loss is not None:
        gates.append(_decide_loss(loss, thresholds))
    reward = by_name.get("eval_reward")
    if thresholds.reward_required or reward is not None:
        gates.append(_decide_reward(reward, thresholds))
    return Verdict(tuple(gates))


def _decide_self_check(check: Measurement) -> GateResult:
    problems, limit = tuple(check.details.get("problems", ())), float(check.details.get("limit", 0.0))
    if check.value is None and not problems:
        why = check.problem or "the saved model was not compared with the trained one"
        return GateResult("self_check", GateStatus.NOT_MEASURED, why, limit=limit, source="self_check")
    value = check.value if check.value is not None and math.isfinite(check.value) else None
    if not problems and (value is None or value > limit):
        problems = (f"the saved model differs from the trained one by {check.value:.1e} (limit {limit:.0e})",)
    if problems:
        return GateResult("self_check", GateStatus.FAILED, "; ".join(problems), value, limit, "self_check")
    reason = f"the saved model was loaded again and agrees with the trained one ({value:.1e} of {limit:.0e})"
    return GateResult("self_check", GateStatus.PASSED, reason, value, limit)


def _decide_loss(loss: Measurement | None, thresholds: Thresholds) -> GateResult:
    if loss is None or loss.value is None:
        why = loss.problem if loss and loss.problem else "the validation loss was not measured"
        return GateResult("loss", GateStatus.NOT_MEASURED, why, source="evaluation")
    if not math.isfinite(loss.value):
        return GateResult("loss", GateStatus.FAILED, f"the validation loss is {loss.value}", source="nan_inf")
    if thresholds.max_loss is not None and not loss.value <= thresholds.max_loss:
        reason = f"validation loss {loss.value:.4f} is above max_acceptable_loss {thresholds.max_loss:.4f}"
        return GateResult("loss", GateStatus.FAILED, reason, loss.value, thresholds.max_loss, "threshold")
    baseline = thresholds.baseline_loss
    if baseline is not None and math.isfinite(baseline) and loss.value > baseline:
        reason = f"validation loss {loss.value:.4f} is above the base model's {baseline:.4f}"
        return GateResult("loss", GateStatus.FAILED, reason, loss.value, baseline, "threshold")
    limits = [limit for limit in (thresholds.max_loss, baseline) if limit is not None and math.isfinite(limit)]
    text = f"validation loss {loss.value:.4f}{_interval(loss)}" + (f" is within {min(limits):.4f}" if limits else "")
    return GateResult("loss", GateStatus.PASSED, text, loss.value, min(limits, default=None))


def _decide_reward(reward: Measurement | None, thresholds: Thresholds) -> GateResult:
    if reward is None or reward.value is None:
        why = reward.problem if reward and reward.problem else "the reward was not measured"
        return GateResult("reward", GateStatus.NOT_MEASURED, why, source="evaluation")
    if not math.isfinite(reward.value):
        return GateResult("reward", GateStatus.FAILED, f"the mean reward is {reward.value}", source="nan_inf")
    for limit, name in ((thresholds.min_reward, "min_reward"), (thresholds.baseline_reward, "the base model's")):
        if limit is not None and reward.value < limit:
            reason = f"mean reward {reward.value:.4f} is below {name} {limit:.4f}"
            return GateResult("reward", GateStatus.FAILED, reason, reward.value, limit, "threshold")
    limits = [limit for limit in (thresholds.min_reward, thresholds.baseline_reward) if limit is not None]
    text = f"mean reward {reward.value:.4f}{_interval(reward)}" + (f" is at least {max(limits):.4f}" if limits else "")
    return GateResult("reward", GateStatus.PASSED, text, reward.value, max(limits, default=None))


def _interval(measured: Measurement) -> str:
    """Return the interval around a value, as a part of a sentence; nothing where there is none."""
    found = measured.details.get("interval")
    return f" ({found['level']:.0%} interval {found['low']:.4f} to {found['high']:.4f})" if found else ""
