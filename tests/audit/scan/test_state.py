"""States of neighbours add up."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.reading.batch import Problems
from forgelm.audit.scan.leaves import ColumnFacts
from forgelm.audit.scan.state import LocalFinding, PartState, Stretch, join_states, merge_columns


def _state(rows: int, lines: int, places: list[int] | None = None) -> PartState:
    finding = LocalFinding("pii", "email", "medium", 0, "text", (0, 3), "***")
    return PartState(
        stretches=(Stretch(rows, lines, None if places is None else np.array(places, np.int32)),),
        findings=(finding,),
        found=Counter({finding.key: 1}),
        problems=Problems({"nul": 1}, {"nul": (lines - 1,)}),
        turns=TurnSummary(rows, {"empty_turn": 1}, {"empty_turn": (0,)}),
    )


def test_rows_and_lines_are_counted_on() -> None:
    state = join_states([_state(2, 2), _state(2, 5, [1, 4]), _state(1, 1)], 100)
    assert (state.rows, state.lines) == (5, 8)
    assert [finding.row for finding in state.findings] == [0, 2, 4]
    assert state.problems.places == {"nul": (1, 6, 7)}
    assert state.turns.examples == {"empty_turn": (0, 2, 4)}
    assert [state.find_line(row) for row in range(5)] == [0, 1, 3, 6, 7]
    assert [state.count_before(line) for line in range(8)] == [0, 1, 2, 2, 3, 3, 3, 4]


def test_the_first_findings_of_a_kind_are_kept_and_all_are_counted() -> None:
    state = join_states([_state(1, 1)] * 7, 3)
    assert [finding.row for finding in state.findings] == [0, 1, 2]
    assert state.found == {("pii", "email", "medium"): 7}


@pytest.mark.parametrize("cuts", [[7], [1, 6], [3, 2, 2]])
def test_joining_joined_states_is_joining_all(cuts: list[int]) -> None:
    parts = [_state(2, 3, [0, 2]) for _ in range(7)]
    joined, begin = [], 0
    for cut in cuts:
        joined.append(join_states(parts[begin : begin + cut], 4))
        begin += cut
    whole, again = join_states(parts, 4), join_states(joined, 4)
    assert again.findings == whole.findings and again.problems == whole.problems and again.turns == whole.turns
    assert [again.find_line(row) for row in range(14)] == [whole.find_line(row) for row in range(14)]


def test_nothing() -> None:
    assert join_states([], 1).rows == 0 and join_states([PartState(), _state(1, 1)], 5).rows == 1


def test_columns_keep_the_order_of_their_first_appearance() -> None:
    facts = ColumnFacts(1, Counter({"text": 1}))
    merged = merge_columns({"b": facts}, {"a": facts, "b": ColumnFacts(2, Counter({"number": 2}))})
    assert list(merged) == ["b", "a"] and merged["b"] == ColumnFacts(3, Counter({"text": 1, "number": 2}))
