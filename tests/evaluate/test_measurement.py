"""A measurement says when it could not be made."""

from __future__ import annotations

import dataclasses

import pytest

from forgelm.evaluate.measurement import Measurement


def test_a_measurement_does_not_change_and_may_have_no_value() -> None:
    measured = Measurement("eval_loss", None, 0, "nats per token", problem="no rows")
    assert measured.value is None
    assert dict(measured.details) == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        measured.value = 1.0  # type: ignore[misc]
