"""Worse is worse in the direction of each result."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.run.monitor.drift import find_drift, read_results, write_results


def test_what_became_worse() -> None:
    before = {
        "eval_loss": 1.0,
        "judge/average_score": 8.0,
        "accuracy": 0.5,
        "train_steps": 10.0,
        "baseline_eval_loss": 3.0,
    }
    now = {"eval_loss": 1.3, "judge/average_score": 6.0, "accuracy": 0.6, "train_steps": 5.0, "baseline_eval_loss": 9.0}
    assert find_drift(before, now, 0.1) == {"eval_loss": pytest.approx(0.3), "judge/average_score": 0.25}
    assert find_drift(before, now, 0.28) == {"eval_loss": pytest.approx(0.3)}
    assert find_drift(now, before, 0.0) == {"accuracy": pytest.approx(1 / 6)}


@pytest.mark.parametrize("before", [{}, {"eval_loss": 0}, {"eval_loss": "x"}, {"eval_loss": None}, {"eval_loss": True}])
def test_without_a_number_before_there_is_no_drift(before: dict[str, object]) -> None:
    assert find_drift(before, {"eval_loss": 2.0}, 0.1) == {}


def test_results_are_kept_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "monitoring" / "last_results.json"
    assert read_results(path) == {}
    write_results(path, {"eval_loss": 1.5, "name": "x", "flag": True})
    assert read_results(path) == {"eval_loss": 1.5}
    for text in ("", "[1]", "[" * 100_000):
        path.write_text(text)
        assert read_results(path) == {}
