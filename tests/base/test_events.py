"""The catalogue of event names: unique, spelt one way, and the contract's own words where it has them."""

from __future__ import annotations

import json
import re

from forgelm.base.events import TRANSIENT, Event, emit_nothing

FROM_THE_CONTRACT = {
    "pipeline.initialized",
    "pipeline.completed",
    "pipeline.failed",
    "training.started",
    "evaluation.loss_gate_completed",
    "model.reverted",
    "model.integrity_verified",
    "compliance.governance_exported",
    "compliance.governance_section_missing",
    "compliance.artifacts_exported",
    "human_approval.required",
}


def test_names_are_unique_dotted_and_lower_case() -> None:
    names = [member.value for member in Event.__members__.values()]
    assert len(names) == len(set(names)) == len(Event)
    assert [name for name in names if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == []


def test_the_contracts_names_keep_their_spelling() -> None:
    assert set(Event) >= FROM_THE_CONTRACT


def test_only_progress_is_transient() -> None:
    assert set(Event) > TRANSIENT
    assert {event for event in Event if event.startswith("progress.")} == TRANSIENT
    assert FROM_THE_CONTRACT.isdisjoint(TRANSIENT)


def test_an_event_is_its_name_wherever_it_is_written() -> None:
    assert json.dumps({"event": Event.MODEL_STAGED}) == '{"event": "model.staged"}'
    assert f"{Event.MODEL_STAGED}" == "model.staged"


def test_fields_may_have_any_name() -> None:
    emit_nothing(Event.STAGE, event="a field called event", text="x")
