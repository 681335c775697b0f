"""Agreement of guards beyond chance."""

from __future__ import annotations

import pytest

from forgelm.evaluate.safety.agreement import cohen_kappa, measure_agreement
from forgelm.evaluate.safety.verdict import GuardVerdict, unscored


def test_kappa_of_a_worked_table() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: observed 0.7, expected 0.5.
    one = [True] * 25 + [False] * 25
    other = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)


def test_kappa_at_its_ends() -> None:
    assert cohen_kappa([True, False], [True, False]) == pytest.approx(1.0)
    assert cohen_kappa([True, False], [False, True]) == pytest.approx(-1.0)
    assert cohen_kappa([True, True], [True, True]) is None
    assert cohen_kappa([], []) is None


def test_pairs_of_guards_and_where_they_differ() -> None:
    yes, no, blank = GuardVerdict(True), GuardVerdict(False), unscored("", "prose")
    found = measure_agreement({"a": [yes, no, yes, blank], "b": [yes, no, no, yes], "c": [yes, yes, yes, yes]})
    assert [record["guards"] for record in found] == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert found[0]["disagreements"] == [2]
    assert (found[0]["compared"], found[0]["left_out"]) == (3, 1)
    assert found[0]["agreement"] == pytest.approx(2 / 3)


def test_one_guard_agrees_with_nobody() -> None:
    assert measure_agreement({"a": [GuardVerdict(True)]}) == []
