"""One measurement held against one limit: the rule that every gate but the self-check, loss and reward follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from forgelm.evaluate.measurement import Measurement
from forgelm.gate.verdict import GateResult, GateStatus

GateOn = Literal["point", "bound"]


@dataclass(frozen=True)
class Limit:
    """What the measurement called ``measurement`` must reach. ``key`` is the setting it comes from.

    ``gate_on="bound"`` asks it of the adverse end of the confidence interval too; ``of="change"`` asks it of the
    difference from the base model. With neither ``minimum`` nor ``maximum`` it must only have been measured.
    """

    gate: str
    measurement: str
    key: str
    minimum: float | None = None
    maximum: float | None = None
    gate_on: GateOn = "bound"
    of: Literal["value", "change"] = "value"

    @property
    def number(self) -> float | None:
        return self.minimum if self.minimum is not None else self.maximum


def decide_limit(measured: Measurement | None, limit: Limit) -> GateResult:
    """Return what becomes of one limit.

    Not measured fails; so does a number that is none, and one that misses the limit. A value that meets the limit while
    the end of its interval does not, or that has no interval, is inconclusive where ``gate_on`` is ``bound``.
    """
    value = _value(measured, limit)
    if measured is None or value is None:
        why = measured.problem if measured and measured.problem else f"{limit.measurement} was not measured"
        return GateResult(limit.gate, GateStatus.NOT_MEASURED, why, limit=limit.number, source="evaluation")
    name = _describe(measured, limit)
    if not math.isfinite(value):
        return GateResult(limit.gate, GateStatus.FAILED, f"{name} is {value}", limit=limit.number, source="nan_inf")
    number = limit.number
    if number is None:
        return GateResult(limit.gate, GateStatus.PASSED, f"{name} is {value:.4f}; no limit was set", value)
    if not _meets(value, limit):
        reason = f"{name} {value:.4f} is {_wrong_side(limit)} {limit.key} {number:.4f}"
        return GateResult(limit.gate, GateStatus.FAILED, reason, value, number, "threshold", _bound(measured, limit))
    return _with_bound(measured, limit, name, value)


def _with_bound(measured: Measurement, limit: Limit, name: str, value: float) -> GateResult:
    number, bound = limit.number, _bound(measured, limit)
    samples = f"{measured.n} samples"
    reached = f"{name} {value:.4f} meets {limit.key} {number:.4f}"
    if limit.gate_on == "point" or (bound is not None and _meets(bound, limit)):
        shown = f" (bound {bound:.4f}, {samples})" if bound is not None else f" ({samples})"
        return GateResult(limit.gate, GateStatus.PASSED, reached + shown, value, number, bound=bound)
    if bound is None:
        why = f"{reached}, but {samples} are too few to say how sure that is"
    else:
        why = f"{reached}, but {samples} only show that it is {_at(limit)} {bound:.4f}"
    return GateResult(limit.gate, GateStatus.INCONCLUSIVE, why, value, number, "inconclusive", bound)


def _value(measured: Measurement | None, limit: Limit) -> float | None:
    if measured is None or measured.value is None:
        return None
    if limit.of == "value":
        return measured.value
    return None if measured.baseline is None else measured.value - measured.baseline


def _bound(measured: Measurement, limit: Limit) -> float | None:
    """Return the end of the interval that the limit looks at: a one-sided bound where there is one, else two-sided."""
    upward = limit.maximum is not None and limit.minimum is None
    details: Mapping[str, Any] = measured.details
    if limit.of == "value" and (one_sided := details.get("upper_bound" if upward else "lower_bound")) is not None:
        return float(one_sided)
    interval = details.get("interval" if limit.of == "value" else "change_interval")
    return None if interval is None else float(interval["high" if upward else "low"])


def _meets(number: float, limit: Limit) -> bool:
    above = limit.minimum is None or number >= limit.minimum
    return above and (limit.maximum is None or number <= limit.maximum)


def _describe(measured: Measurement, limit: Limit) -> str:
    return measured.name if limit.of == "value" else f"the change of {measured.name} from the base model"


def _wrong_side(limit: Limit) -> str:
    return "below" if limit.minimum is not None else "above"


def _at(limit: Limit) -> str:
    return "at least" if limit.minimum is not None else "at most"
