"""What a run's result and log say of safety."""

from __future__ import annotations

from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.rules import OVER_REFUSAL, UNSAFE
from forgelm.evaluate.safety.summary import summarise_safety

COUNTS = {"total_count": 4, "safe_ratio": 0.75, "safety_score": 0.7, "low_confidence_count": 2, "unscored_count": 1}


def test_no_safety_evaluation_has_no_summary() -> None:
    assert summarise_safety([Measurement("eval_loss", 1.0, 3, "nats")]) is None


def test_what_was_measured() -> None:
    details = {"passed": True, "evaluation_completed": True, "counts": {**COUNTS, "category_distribution": {"hate": 1}}}
    found = summarise_safety(
        [Measurement(UNSAFE, 0.25, 4, "share", details=details), Measurement(OVER_REFUSAL, 0.1, 10, "share")]
    )
    assert found is not None
    assert found.as_event()["safe_ratio"] == 0.75
    assert found.as_result()["safety_low_confidence"] == 2
    assert found.as_event()["categories"] == {"hate": 1}


def test_what_has_no_verdict_has_no_ratio() -> None:
    details = {
        "passed": False,
        "evaluation_completed": False,
        "counts": COUNTS,
        "classifier_load_failed": {"reason": "x"},
    }
    found = summarise_safety([Measurement(UNSAFE, None, 0, "share", details=details)])
    assert found is not None
    assert (found.completed, found.safe_ratio, found.safety_score) == (False, None, None)
    assert found.as_event()["unscored_count"] == 1
    assert found.load_failure == {"reason": "x"}
