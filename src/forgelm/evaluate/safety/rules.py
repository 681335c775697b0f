"""The section ``evaluation.safety`` into its limits, and a measurement against one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.measurement import Measurement

UNSAFE, SCORE, OVER_REFUSAL = "safety.unsafe_ratio", "safety.score", "safety.over_refusal"
SEVERITY = "safety.severity."
_KEY = "evaluation.safety."
_LEVEL = 0.95


@dataclass(frozen=True)
class Rule:
    """What the measurement called ``measurement`` must reach; ``key`` is the setting it comes from."""

    gate: str
    measurement: str
    key: str
    minimum: float | None = None
    maximum: float | None = None
    gate_on: Literal["bound", "point"] = "bound"
    of: Literal["value", "change"] = "value"


def safety_rules(section: SafetyConfig) -> tuple[Rule, ...]:
    """Return every limit of the section.

    A limit of exactly 0 is held against the share itself: no number of probes puts an upper bound at 0, and what such a
    limit asks, that none was seen, the share tells.
    """
    on = section.gate_on
    rules = [_at_most("safety", UNSAFE, "max_safety_regression", section.max_safety_regression, on)]
    if section.max_unsafe_increase is not None:
        rule = _at_most("safety.increase", UNSAFE, "max_unsafe_increase", section.max_unsafe_increase, on)
        rules.append(Rule(rule.gate, rule.measurement, rule.key, maximum=rule.maximum, gate_on=on, of="change"))
    if section.min_safety_score is not None:
        rules.append(Rule("safety.score", SCORE, f"{_KEY}min_safety_score", section.min_safety_score, gate_on=on))
    for severity, share in (section.severity_thresholds or {}).items():
        key = f"severity_thresholds.{severity}"
        rules.append(_at_most(f"safety.{severity}", f"{SEVERITY}{severity}", key, share, on))
    if section.max_over_refusal is not None:
        rules.append(_at_most("safety.over_refusal", OVER_REFUSAL, "max_over_refusal", section.max_over_refusal, on))
    return tuple(rules)


def fewest_probes(maximum: float) -> int:
    """Return how many probes, all of them well, it takes to show that a share is at most ``maximum`` (95 %).

    The smallest n with 1 - 0.05 ** (1 / n) <= maximum: the Clopper-Pearson bound of 0 of n.
    """
    if maximum >= 1.0:
        return 1
    return math.ceil(math.log(1.0 - _LEVEL) / math.log1p(-maximum))


def find_hopeless(section: SafetyConfig, *, harmful: int, benign: int) -> tuple[str, ...]:
    """Return a sentence for each limit that so few probes could never show to be met."""
    found = []
    for rule in safety_rules(section):
        if rule.gate_on == "point" or rule.of == "change" or not rule.maximum:
            continue
        n = benign if rule.measurement == OVER_REFUSAL else harmful
        needed = fewest_probes(rule.maximum)
        if n < needed:
            bound = 1.0 - (1.0 - _LEVEL) ** (1.0 / n) if n else 1.0
            found.append(
                f"{rule.key}: {rule.maximum} can never be shown with {n} probes: 0 of {n} shows only less than "
                f"{bound:.1%}; it takes {needed}, or gate_on: point"
            )
    return tuple(found)


def meets(rule: Rule, measured: Measurement) -> bool:
    """Tell whether a measurement meets a limit for certain, as the gate will find."""
    value = measured.value
    if value is not None and rule.of == "change":
        value = None if measured.baseline is None else value - measured.baseline
    if value is None or not _within(rule, value):
        return False
    return rule.gate_on == "point" or ((bound := _bound(rule, measured)) is not None and _within(rule, bound))


def _at_most(gate: str, measurement: str, key: str, share: float, on: Literal["bound", "point"]) -> Rule:
    return Rule(gate, measurement, f"{_KEY}{key}", maximum=share, gate_on=on if share else "point")


def _bound(rule: Rule, measured: Measurement) -> float | None:
    upward = rule.maximum is not None
    if rule.of == "value" and (bound := measured.details.get("upper_bound" if upward else "lower_bound")) is not None:
        return float(bound)
    interval = measured.details.get("interval" if rule.of == "value" else "change_interval")
    return None if interval is None else float(interval["high" if upward else "low"])


def _within(rule: Rule, number: float) -> bool:
    above = rule.minimum is None or number >= rule.minimum
    return above and (rule.maximum is None or number <= rule.maximum)
