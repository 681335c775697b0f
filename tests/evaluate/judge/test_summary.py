"""What the log and the result say of a judging."""

from __future__ import annotations

from forgelm.evaluate.judge.report import RESULTS, SCORE
from forgelm.evaluate.judge.summary import summarise_judge
from forgelm.evaluate.measurement import Measurement


def test_no_judge_no_summary() -> None:
    assert summarise_judge([Measurement("eval_loss", 1.0, 1, "nats")]) is None


def test_a_judging() -> None:
    files = {RESULTS: {"passed": True, "details": [{"score": 7.0}]}}
    found = summarise_judge([Measurement(SCORE, 7.0, 1, "points of 10", files=files)])
    assert found is not None
    assert found.as_event() == {"passed": True, "average_score": 7.0}
    assert found.as_result() == {"judge_score": 7.0, "judge_details": [{"score": 7.0}]}


def test_nothing_measured_has_not_passed() -> None:
    found = summarise_judge([Measurement(SCORE, None, 0, "points of 10", problem="down")])
    assert found is not None
    assert found.as_event() == {"passed": False, "average_score": None}
