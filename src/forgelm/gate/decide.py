"""Measurements and limits in, a verdict out: every gate with the sentence that explains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forgelm.evaluate.measurement import Measurement
from forgelm.gate.limit import GateOn, Limit, decide_limit
from forgelm.gate.verdict import GateResult, GateStatus, OnInconclusive, Verdict


@dataclass(frozen=True)
class Thresholds:
    """The limits the user set, losses in nats; ``None`` is no limit. ``loss_required`` switches that gate on.

    ``limits`` are those of the evaluations that the user switched on.
    """

    loss_required: bool = False
    max_loss: float | None = None
    baseline_loss: float | None = None
    reward_required: bool = False
    min_reward: float | None = None
    baseline_reward: float | None = None
    loss_gate_on: GateOn = "point"
    limits: tuple[Limit, ...] = ()
    on_inconclusive: OnInconclusive = "hold"


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
    gates += [decide_limit(by_name.get(limit.measurement), limit) for limit in thresholds.limits]
    return Verdict(tuple(gates), thresholds.on_inconclusive)


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
    if baseline is not None and math.isnan(baseline) and thresholds.max_loss is None:
        why = f"validation loss {loss.value:.4f}, and the base model's is nan: there is nothing to hold it against"
        return GateResult("loss", GateStatus.NOT_MEASURED, why, loss.value, source="evaluation")
    if baseline is not None and loss.value > baseline:
        reason = f"validation loss {loss.value:.4f} is above the base model's {baseline:.4f}"
        return GateResult("loss", GateStatus.FAILED, reason, loss.value, baseline, "threshold")
    limits = [limit for limit in (thresholds.max_loss, baseline) if limit is not None and math.isfinite(limit)]
    text = f"validation loss {loss.value:.4f}{_interval(loss)}" + (f" is within {min(limits):.4f}" if limits else "")
    passed = GateResult("loss", GateStatus.PASSED, text, loss.value, min(limits, default=None))
    return _hold_against_bound(passed, loss, thresholds) if thresholds.loss_gate_on == "bound" else passed


def _hold_against_bound(passed: GateResult, loss: Measurement, thresholds: Thresholds) -> GateResult:
    """Return the gate's result once the ends of the intervals are looked at too.

    Against the base model's own loss that is the interval of the paired difference.
    """
    rules = []
    if thresholds.max_loss is not None:
        rules.append(Limit("loss", loss.name, "max_acceptable_loss", maximum=thresholds.max_loss))
    if thresholds.baseline_loss is not None and thresholds.baseline_loss == loss.baseline:
        rules.append(Limit("loss", loss.name, "its limit", maximum=0.0, of="change"))
    elif thresholds.baseline_loss is not None and math.isfinite(thresholds.baseline_loss):
        rules.append(Limit("loss", loss.name, "baseline_loss", maximum=thresholds.baseline_loss))
    results = [decide_limit(loss, rule) for rule in rules]
    return next((result for result in results if result.status is not GateStatus.PASSED), passed)


def _decide_reward(reward: Measurement | None, thresholds: Thresholds) -> GateResult:
    if reward is None or reward.value is None:
        why = reward.problem if reward and reward.problem else "the reward was not measured"
        return GateResult("reward", GateStatus.NOT_MEASURED, why, source="evaluation")
    if not math.isfinite(reward.value):
        return GateResult("reward", GateStatus.FAILED, f"the mean reward is {reward.value}", source="nan_inf")
    start = thresholds.baseline_reward
    if start is not None and math.isnan(start) and thresholds.min_reward is None:
        why = f"mean reward {reward.value:.4f}, and the base model's is nan: there is nothing to hold it against"
        return GateResult("reward", GateStatus.NOT_MEASURED, why, reward.value, source="evaluation")
    for limit, name in ((thresholds.min_reward, "min_reward"), (start, "the base model's")):
        if limit is not None and reward.value < limit:
            reason = f"mean reward {reward.value:.4f} is below {name} {limit:.4f}"
            return GateResult("reward", GateStatus.FAILED, reason, reward.value, limit, "threshold")
    if thresholds.min_reward is None and _tells_nothing(reward):
        status = GateStatus.INCONCLUSIVE if thresholds.reward_required else GateStatus.PASSED
        text = (
            f"every one of the {reward.n} replies has the reward {reward.value:.4f}, before the training and after it: "
            "this reward does not show that anything was learnt"
        )
        return GateResult("reward", status, text, reward.value, thresholds.baseline_reward, "inconclusive")
    limits = [limit for limit in (thresholds.min_reward, start) if limit is not None and math.isfinite(limit)]
    text = f"mean reward {reward.value:.4f}{_interval(reward)}" + (f" is at least {max(limits):.4f}" if limits else "")
    return GateResult("reward", GateStatus.PASSED, text, reward.value, max(limits, default=None))


def _tells_nothing(reward: Measurement) -> bool:
    """Whether all replies of both models got one and the same reward."""
    return len(set(reward.scores)) == 1 and reward.baseline == reward.value


def _interval(measured: Measurement) -> str:
    """Return the interval around a value, as a part of a sentence; nothing where there is none."""
    found = measured.details.get("interval")
    return f" ({found['level']:.0%} interval {found['low']:.4f} to {found['high']:.4f})" if found else ""
