"""An ``Emit`` made of a log writes first and tells afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Heard

from forgelm.base.events import Event
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.emit import emit_to, on_record
from forgelm.evidence.entries import read_entries
from forgelm.evidence.ledger import AuditLogger


def test_the_log_is_written_and_the_listener_told_the_same(tmp_path: Path) -> None:
    heard, logger = Heard(), AuditLogger(str(tmp_path))
    emit_to(logger, heard, recovered=True)(Event.MODEL_STAGED, path="x")
    (entry,) = read_entries(logger.path, [Event.MODEL_STAGED])
    assert (entry.fields["path"], entry.fields["recovered"]) == ("x", True)
    assert heard.events == [(Event.MODEL_STAGED, {"path": "x", "recovered": True})]


def test_what_the_log_refuses_nobody_is_told(tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(ValueError, match="belongs to every line"):
        emit_to(AuditLogger(str(tmp_path)), heard)(Event.MODEL_STAGED, seq=1)
    assert heard.events == []


def test_what_was_done_on_record_is_closed_there_however_it_ended(tmp_path: Path) -> None:
    with on_record(tmp_path, "fg-1") as emit:
        emit(Event.MODEL_STAGED, path="x")
    assert verify_audit_log(str(tmp_path / "audit_log.jsonl")).state == "closed"
    with pytest.raises(KeyError), on_record(tmp_path, "fg-2") as emit:
        emit(Event.MODEL_STAGED, path="y")
        raise KeyError
    verified = verify_audit_log(str(tmp_path / "audit_log.jsonl"))
    assert (verified.state, verified.entries_count) == ("closed", 4)
