"""What the evaluations found, as the events the contract has for each of them."""

from __future__ import annotations

from collections.abc import Sequence

from forgelm.base.events import Emit, Event
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.summary import summarise_safety


def announce_evaluations(measured: Sequence[Measurement], emit: Emit) -> None:
    """Emit what each evaluation came to."""
    safety = summarise_safety(measured)
    if safety is None:
        return
    if safety.load_failure is not None:
        emit(Event.CLASSIFIER_LOAD_FAILED, **safety.load_failure)
    emit(Event.SAFETY_COMPLETED, **safety.as_event())
