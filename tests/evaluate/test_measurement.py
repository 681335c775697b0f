"""A measurement says when it could not be made."""

from __future__ import annotations

import dataclasses

import pytest

from forgelm.evaluate.measurement import Measurement


def test_a_measurement_does_not_change_and_may_have_no_value() -> None:
    measured = Measurement("eval_loss", None, 0, "nats per token", problem="no rows")
    assert measured.value is None
    assert dict(measured.details) == {}
    assert measured.as_record()["problem"] == "no rows"
    with pytest.raises(dataclasses.FrozenInstanceError):
        measured.value = 1.0  # type: ignore[misc]


def test_documents_get_no_single_rows() -> None:
    record = Measurement("eval_loss", 1.5, 2, "nats", 2.0, scores=(1.0, 2.0), weights=(1.0, 1.0)).as_record()
    assert record == {
        "name": "eval_loss",
        "value": 1.5,
        "unit": "nats",
        "n": 2,
        "baseline": 2.0,
        "problem": None,
        "details": {},
    }
