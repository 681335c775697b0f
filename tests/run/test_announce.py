"""The events of the evaluations."""

from __future__ import annotations

from support import Heard

from forgelm.base.events import Event
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.rules import UNSAFE
from forgelm.run.announce import announce_evaluations


def test_nothing_is_announced_where_nothing_was_evaluated() -> None:
    heard = Heard()
    announce_evaluations([Measurement("eval_loss", 1.0, 3, "nats")], heard)
    assert heard.names() == []


def test_a_guard_that_did_not_load_is_announced_before_what_came_of_it() -> None:
    heard = Heard()
    details = {"classifier_load_failed": {"classifier": "g", "reason": "gone"}, "passed": False}
    announce_evaluations([Measurement(UNSAFE, None, 0, "share", problem="gone", details=details)], heard)
    assert heard.names() == [Event.CLASSIFIER_LOAD_FAILED, Event.SAFETY_COMPLETED]
    assert heard.fields(Event.CLASSIFIER_LOAD_FAILED) == {"classifier": "g", "reason": "gone"}
    assert heard.fields(Event.SAFETY_COMPLETED)["evaluation_completed"] is False
