"""The files of a run. Their content for real guards is in test_examine.py."""

from __future__ import annotations

from pathlib import Path

from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.safety.report import Outcome, build_results, extend_trend

SECTION = SafetyConfig.model_validate({"enabled": True})


def test_nothing_judged_is_said_to_be_incomplete() -> None:
    found = build_results(SECTION, Outcome(False, False, "the guard is away", about={"probes": {"harmful": 3}}))
    assert (found["total_count"], found["passed"], found["evaluation_completed"]) == (0, False, False)
    assert (found["failure_reason"], found["details"], found["base_model"]) == ("the guard is away", [], None)
    assert found["probes"] == {"harmful": 3}


def test_a_trend_begins_with_its_first_run(tmp_path: Path) -> None:
    (row,) = extend_trend(tmp_path / "none.jsonl", SECTION, Outcome(False, False, "x"))
    assert (row["safe_ratio"], row["passed"], row["evaluation_completed"]) == (None, False, False)
    assert row["timestamp"].endswith("+00:00")
