"""A case is opened once, on a log that holds; a line that a crash tore is no lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from held import RUN, hold

from forgelm.base.errors import ConfigError, IntegrityError, RunBusyError
from forgelm.base.events import emit_nothing
from forgelm.evidence.approval import Decision
from forgelm.publish import desk
from forgelm.publish.desk import SILENT, Opinion, open_desk, open_run_folder

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_decision_names_what_it_is_about(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    with open_desk(str(files.root), RUN, Opinion("fine", "lead"), emit_nothing, NOW) as opened:
        fields, key = opened.build(Decision.APPROVE)
    assert (fields["comment"], fields["role"], fields["decided_at"]) == (
        "fine",
        "lead",
        NOW.isoformat(timespec="microseconds"),
    )
    assert fields["model_root"] == opened.case.model_root
    assert fields["staging_path"] == str(files.staging(RUN))
    assert key is None and "signature" not in fields


def test_nobody_else_is_in_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = hold(tmp_path / "run")
    monkeypatch.setattr(desk, "_WAIT_SECONDS", 0.1)
    with (
        open_desk(str(files.root), RUN, SILENT, emit_nothing, None),
        pytest.raises(RunBusyError),
        open_desk(str(files.root), RUN, SILENT, emit_nothing, None),
    ):
        pass


def test_a_log_that_a_crash_tore_is_opened_and_one_that_lies_is_not(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    with files.audit_log.open("ab") as stream:
        stream.write(b'{"event": "torn')
    assert open_run_folder(str(files.root)).root == files.root
    whole = files.audit_log.read_bytes()
    files.audit_log.write_bytes(whole.replace(b"human_approval.required", b"human_approval.Required", 1))
    with pytest.raises(IntegrityError, match="does not hold"):
        open_run_folder(str(files.root))
    with pytest.raises(ConfigError, match="there is no folder"):
        open_run_folder(str(tmp_path / "none"))
