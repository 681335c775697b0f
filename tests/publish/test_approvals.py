"""What waits, newest first; and everything about one model, also when the log does not hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from held import RUN, hold

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.approval import CaseStatus
from forgelm.publish.approvals import list_pending, show_run
from forgelm.publish.decide import approve_run
from forgelm.publish.desk import Opinion


def test_what_waits_is_listed_newest_first(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    hold(tmp_path / "run", "fg-2", min_approvers=2)
    newest, oldest = list_pending(str(files.root), now=datetime.now(UTC) + timedelta(hours=2))
    assert (newest.run_id, oldest.run_id) == ("fg-2", RUN)
    assert (newest.approved, newest.needed, newest.gates_passed) == (0, 2, True)
    assert 7200 <= oldest.age_seconds < 7260
    assert (oldest.metrics, oldest.staging_path) == ({"eval_loss": 0.5}, str(files.staging(RUN)))
    files.staging(RUN).rename(tmp_path / "away")
    assert [model.staging_exists for model in list_pending(str(files.root))] == [True, False]


def test_a_folder_without_a_log_has_nothing_waiting(tmp_path: Path) -> None:
    assert list_pending(str(tmp_path)) == []
    with pytest.raises(ConfigError, match="there is no folder"):
        list_pending(str(tmp_path / "nowhere"))


def test_looking_changes_nothing(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    before = sorted(path for path in files.root.rglob("*")), files.audit_log.read_bytes()
    list_pending(str(files.root))
    show_run(str(files.root), RUN)
    assert (sorted(path for path in files.root.rglob("*")), files.audit_log.read_bytes()) == before


def test_a_shown_run_tells_its_story(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    waiting = show_run(str(files.root), RUN)
    assert waiting.status is CaseStatus.PENDING
    assert waiting.staging_contents == ("adapter_model.safetensors", "model_integrity.json", "parts/README.md")
    assert waiting.documents == (
        f"review/{RUN}/compliance/compliance_report.json",
        f"review/{RUN}/resolved_config.yaml",
    )
    approve_run(str(files.root), RUN, Opinion("fits"))
    shown = show_run(str(files.root), RUN)
    assert [entry["event"] for entry in shown.chain] == ["human_approval.required", "human_approval.granted"]
    assert (shown.status, shown.staging_contents, shown.corruption) == (CaseStatus.GRANTED, (), None)
    assert shown.check is not None
    assert shown.check.valid
    with pytest.raises(ConfigError, match="asked nobody"):
        show_run(str(files.root), "fg-9")


def test_a_log_that_does_not_hold_is_shown_and_not_listed(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    files.audit_log.write_bytes(files.audit_log.read_bytes().replace(b'"model": "m"', b'"model": "n"'))
    shown = show_run(str(files.root), RUN)
    assert shown.corruption is not None
    assert "line 2" in shown.corruption
    with pytest.raises(IntegrityError):
        list_pending(str(files.root))


def test_a_log_that_another_secret_made_is_not_acted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "t" * 40)
    files = hold(tmp_path / "run")
    assert show_run(str(files.root), RUN).corruption is None
    before = files.audit_log.read_bytes()
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "s" * 40)
    assert show_run(str(files.root), RUN).corruption is not None
    assert files.audit_log.read_bytes() == before
