"""Every way a log can lie about an approval is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold, seal

from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.evidence.approval_check import verify_approvals
from forgelm.evidence.keys import generate_key
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.line import line_hash
from forgelm.publish.decide import approve_run
from forgelm.publish.desk import Opinion

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFiles:
    monkeypatch.setenv("FORGELM_OPERATOR", "trainer")
    key = generate_key(tmp_path / "alice.pem", "alice")
    files = hold(tmp_path / "run", approvers=[key.public.text], require_distinct_approver=True, expires_after_days=5)
    approve_run(str(files.root), RUN, Opinion(key=str(tmp_path / "alice.pem")))
    return files


def rewrite(log: Path, event: str, change: Change) -> None:
    """Change the line of ``event`` and hash the chain again, as somebody would who can write the file."""
    lines, head = [], "genesis"
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] == event:
            change(entry)
        entry["prev_hash"] = head
        lines.append(json.dumps(entry))
        head = line_hash(lines[-1].encode())
    log.write_text("".join(f"{line}\n" for line in lines))


def test_what_was_rightly_approved_is_valid(approved: RunFiles) -> None:
    (check,) = verify_approvals(approved.audit_log)
    assert (check.problems, check.not_checked, check.approvers, check.signed) == ((), (), ("alice",), 1)
    assert verify_approvals(approved.audit_log, model_root=seal(approved.final_model)) == (check,)
    assert verify_approvals(approved.audit_log, model_root="0" * 64) == ()


@pytest.mark.parametrize(
    ("event", "change", "problem"),
    [
        (Event.HUMAN_APPROVAL_GRANTED, {"model_root": "0" * 64}, "is about another model"),
        (Event.HUMAN_APPROVAL_GRANTED, {"evidence_root": "0" * 64}, "is about other documents"),
        (Event.HUMAN_APPROVAL_GRANTED, {"log_root": "0" * 64}, "was made after another log"),
        (Event.HUMAN_APPROVAL_GRANTED, {"log_size": 99}, "was made after another log"),
        (Event.HUMAN_APPROVAL_GRANTED, {"comment": "better"}, "did not make over it"),
        (Event.HUMAN_APPROVAL_GRANTED, {"approver": "trainer"}, "by the person who started the run"),
        (Event.HUMAN_APPROVAL_GRANTED, {"key": None, "signature": None}, "is not signed with a key of those"),
        (Event.HUMAN_APPROVAL_GRANTED, {"decided_at": "2099-01-01T00:00:00+00:00"}, "after the request had expired"),
        (Event.HUMAN_APPROVAL_GRANTED, {"decided_at": "soon"}, "after the request had expired"),
        (Event.HUMAN_APPROVAL_GRANTED, {"event": "model.loaded"}, "makes the model final without an approval"),
        (Event.HUMAN_APPROVAL_REQUIRED, {"policy": {"min_approvers": 2}}, "grants what 1 of 2 people approved"),
        (Event.HUMAN_APPROVAL_REQUIRED, {"policy": {"approvers": ["x"]}}, "rules that cannot be read"),
        (Event.HUMAN_APPROVAL_REQUIRED, {"metrics": {"eval_loss": 0.1}}, "was made after another log"),
        (Event.MODEL_INTEGRITY_VERIFIED, {"manifest_sha256": "0" * 64}, "another model than the one its run sealed"),
    ],
)
def test_a_rewritten_log_contradicts_itself(
    event: Event, change: dict[str, Any], problem: str, approved: RunFiles
) -> None:
    rewrite(approved.audit_log, event, lambda entry: entry.update(change))
    (check,) = verify_approvals(approved.audit_log)
    assert not check.valid
    assert any(problem in found for found in check.problems), check.problems


def test_what_binds_no_bytes_is_said_to_be_unchecked(tmp_path: Path) -> None:
    """As an older log has it: a request and a grant that name a run and nothing else."""
    logger = AuditLogger(str(tmp_path), RUN)
    logger.log_event(Event.HUMAN_APPROVAL_REQUIRED, gate="final_model")
    logger.log_event(Event.HUMAN_APPROVAL_GRANTED, gate="final_model", approver="alice")
    (check,) = verify_approvals(logger.path)
    assert check.problems == ()
    assert check.not_checked == (
        "line 1 does not say which bytes were to be decided about",
        "line 2 does not say which bytes it is about",
    )
