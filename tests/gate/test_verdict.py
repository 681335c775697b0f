"""A verdict is exactly one of passed, failed and undecided, whatever its gates."""

from __future__ import annotations

import itertools

import pytest

from forgelm.gate.verdict import GateResult, GateStatus, OnInconclusive, Verdict

RULES: tuple[OnInconclusive, ...] = ("fail", "hold", "pass")


def verdict(*statuses: str, rule: OnInconclusive = "hold") -> Verdict:
    gates = tuple(GateResult(str(index), GateStatus(status), f"why {index}") for index, status in enumerate(statuses))
    return Verdict(gates, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("statuses", [*itertools.product(GateStatus, repeat=2), (), *itertools.product(GateStatus)])
def test_exactly_one_outcome_holds(statuses: tuple[GateStatus, ...], rule: OnInconclusive) -> None:
    found = verdict(*statuses, rule=rule)
    assert [found.passed, found.failed, found.undecided].count(True) == 1
    assert getattr(found, found.outcome)
    assert (found.reason is None) is found.passed
    assert found.as_record()["outcome"] == found.outcome


@pytest.mark.parametrize(("rule", "outcome"), [("fail", "failed"), ("hold", "undecided"), ("pass", "passed")])
def test_the_rule_says_what_an_inconclusive_gate_means(rule: OnInconclusive, outcome: str) -> None:
    assert verdict("passed", "inconclusive", rule=rule).outcome == outcome


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bad", ["failed", "not_measured"])
def test_no_rule_lets_a_failed_or_unmeasured_gate_through(rule: OnInconclusive, bad: str) -> None:
    found = verdict("inconclusive", bad, rule=rule)
    assert found.failed
    assert "why 1" in (found.reason or "")


def test_an_undecided_verdict_names_what_it_could_not_decide() -> None:
    assert verdict("passed", "inconclusive").reason == "1: why 1"
