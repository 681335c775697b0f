"""Grades become measurements: means, intervals, and nothing at all where too much is missing."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.config.judge import JudgeConfig
from forgelm.data.prompts import EvalPrompt
from forgelm.evaluate.judge.grades import Grades, Round
from forgelm.evaluate.judge.report import build_measurements
from forgelm.evaluate.measurement import Measurement

N = 10
PROMPTS = tuple(EvalPrompt(f"prompt {number}") for number in range(N))
COST: dict[str, Any] = {"usd": 0.5}


def grades(scores: list[float | None], base: list[float | None] | None = None, wins: Any = None) -> Grades:
    unscored = sum(score is None for score in scores)
    reasons = tuple(f"because {number}" for number in range(len(scores)))
    return Grades(
        tuple(scores),
        tuple(base) if base else None,
        tuple(wins or [1.0] * N) if base else None,
        reasons,
        unscored,
        1,
        ("the judge answered with status 500 (2 times)",) if unscored else (),
    )


def measured(*given: Grades, texts: str = "answer", **fields: Any) -> tuple[Measurement, ...]:
    base = None if given[0].base_scores is None else tuple(f"base {number}" for number in range(N))
    asked = Round(PROMPTS, tuple(f"{texts} {number}" for number in range(N)), base)
    found = [({"judge": f"judge {number}"}, one) for number, one in enumerate(given)]
    return build_measurements(JudgeConfig.model_validate(fields), asked, found, cost=COST)


def test_a_mean_with_its_interval_and_the_base_models_beside_it() -> None:
    ours: list[float | None] = [float(number) for number in range(1, 11)]
    score, wins = measured(grades(ours, [1.0] * N, [1, 1, 1, 1, 1, 1, 1, 0, 0.5, 0.5]))
    assert (score.name, score.value, score.baseline, score.n) == ("judge.average_score", 5.5, 1.0, 10)
    assert score.details["interval"]["low"] < 5.5 < score.details["interval"]["high"]
    assert score.details["change_interval"]["low"] > 0
    assert score.details["cost"] == COST
    assert (wins.name, wins.value, wins.baseline) == ("judge.win_rate", 0.8, 0.5)
    assert (wins.details["wins"], wins.details["losses"], wins.details["ties"]) == (7, 1, 2)
    assert wins.details["swayed_by_order"] == 1


def test_equal_points_are_not_certain_points() -> None:
    score, wins = measured(grades([10.0] * N, [1.0] * N))
    low = 0.025 ** (1 / N)
    assert score.details["interval"]["low"] == pytest.approx(1 + 9 * low)
    assert score.details["interval"]["high"] == pytest.approx(10)
    assert wins.details["interval"]["low"] == pytest.approx(low)


def test_a_judge_alone_has_no_wins() -> None:
    (score,) = measured(grades([7.0] * N))
    assert (score.value, score.baseline, score.details["change_interval"]) == (7.0, None, None)


@pytest.mark.parametrize(("missing", "value"), [(0, 7.0), (1, 7.0), (2, None), (10, None)])
def test_too_many_answers_without_points_leave_nothing_measured(missing: int, value: float | None) -> None:
    (score,) = measured(grades([None] * missing + [7.0] * (N - missing)))
    assert score.value == value
    assert score.details["skipped"] == {"unscored": missing}
    if value is None:
        assert score.problem is not None
        assert f"judge 0 gave no points to {missing} of 10 answers" in score.problem
        assert "status 500 (2 times)" in score.problem


def test_one_judge_without_points_is_not_hidden_by_another() -> None:
    score, wins = measured(grades([9.0] * N, [1.0] * N), grades([None] * N, [None] * N, [None] * N))
    assert (score.value, wins.value) == (None, None)
    assert score.problem is not None
    assert "judge 1 gave no points" in score.problem
    assert "judge 0" not in score.problem


def test_comparisons_without_a_verdict() -> None:
    _, wins = measured(grades([9.0] * N, [1.0] * N, [None, None] + [1.0] * 8))
    assert (wins.value, wins.problem) == (None, "only 8 of 10 comparisons have a verdict")


def test_several_judges_are_averaged_and_their_disagreement_is_told() -> None:
    (score,) = measured(grades([8.0] * N), grades([6.0] * 5 + [7.5] * 5))
    assert score.value == pytest.approx((7.0 + 7.75) / 2)
    assert score.details["disagreement"] == {
        "answers": 10,
        "mean_spread_points": 1.25,
        "largest_spread_points": 2.0,
        "within_one_point_ratio": 0.5,
    }
    assert [judge["average_score"] for judge in score.details["judges"]] == [8.0, 6.75]


@pytest.mark.parametrize(
    ("scores", "gate_on", "passed"),
    [([7.0] * N, "bound", True), ([1.0, 10.0] * 5, "bound", False), ([1.0, 10.0] * 5, "point", True),
     ([2.0] * N, "point", False)],
)  # fmt: skip
def test_the_contracts_file(scores: list[float | None], gate_on: str, passed: bool) -> None:
    (score,) = measured(grades(scores), min_score=5.0, gate_on=gate_on)
    found = score.files["judge/judge_results.json"]
    assert found["average_score"] == score.value
    assert (found["min_score"], found["passed"], found["num_prompts"]) == (5.0, passed, N)
    assert found["details"][0]["score"] == scores[0]
    assert found["details"][0]["judge_failed"] is False
    assert "prompt" not in found["details"][0]


def test_texts_are_kept_only_when_asked_for() -> None:
    (score,) = measured(grades([None] + [7.0] * 9), include_eval_samples=True, texts="x" * 300)
    row = score.files["judge/judge_results.json"]["details"][0]
    assert (row["judge_failed"], row["prompt"], row["reason"]) == (True, "prompt 0", ["because 0"])
    assert len(row["response"]) == 200


def test_few_answers_have_no_interval() -> None:
    asked = Round(PROMPTS[:2], ("a", "b"), None)
    (score,) = build_measurements(JudgeConfig(), asked, [({"judge": "j"}, grades([7.0, 8.0]))], cost=COST)
    assert (score.value, score.details["interval"]) == (7.5, None)
    assert score.files["judge/judge_results.json"]["passed"] is False
