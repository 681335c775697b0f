"""Two models on the same rows: the baseline, the interval, and the interval of the difference."""

from __future__ import annotations

import pytest

from forgelm.evaluate.comparison import compare
from forgelm.evaluate.measurement import Measurement


def measured(scores: tuple[float, ...], weights: tuple[float, ...] | None = None) -> Measurement:
    heavy = weights or (1.0,) * len(scores)
    value = sum(score * weight for score, weight in zip(scores, heavy, strict=True)) / sum(heavy)
    return Measurement("eval_loss", value, len(scores), "nats", details={"rows": 1}, scores=scores, weights=weights)


def test_rows_are_paired() -> None:
    base = measured((1.0, 5.0, 2.0, 8.0, 3.0, 9.0))
    found = compare(measured((0.9, 4.9, 1.9, 7.9, 2.9, 8.9)), base)
    assert found.baseline == base.value
    interval, change = found.details["interval"], found.details["change_interval"]
    assert interval["low"] < found.value < interval["high"]
    assert (change["low"], change["high"]) == pytest.approx((-0.1, -0.1))
    assert found.details["rows"] == 1


def test_weights_count() -> None:
    scores, weights = (1.0, 1.0, 1.0, 1.0, 1.0, 11.0), (1.0, 1.0, 1.0, 1.0, 1.0, 0.0)
    found = compare(measured(scores, weights), measured(scores, weights))
    assert found.value == 1.0
    assert found.details["interval"]["high"] == pytest.approx(1.0)


def test_few_rows_say_nothing_about_how_sure_they_are() -> None:
    found = compare(measured((1.0, 2.0)), measured((1.0, 3.0)))
    assert found.baseline == 2.0
    assert found.details["interval"] is None and found.details["change_interval"] is None


def test_each_source_of_rows_is_shown_by_itself() -> None:
    tuned, base = measured((1.0, 2.0, 4.0), (1.0, 3.0, 1.0)), measured((2.0, 2.0, 6.0), (1.0, 3.0, 1.0))
    found = compare(tuned, base, ["a", "b", "a"]).details["slices"]
    assert found == {"a": {"value": 2.5, "baseline": 4.0, "n": 2}, "b": {"value": 2.0, "baseline": 2.0, "n": 1}}
    assert "slices" not in compare(tuned, base, ["a", "a", "a"]).details
