"""A decision binds bytes, documents and log; rules hold; of two at once one counts; a kill leaves nothing half-done."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold, kill_at, seal, stage
from support import Heard

from forgelm.base.errors import ConfigError, ExitCode, IntegrityError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.evidence.approval import CaseStatus, read_cases
from forgelm.evidence.approval_check import verify_approvals
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.entries import read_entries
from forgelm.evidence.keys import generate_key
from forgelm.publish.approvals import list_pending
from forgelm.publish.decide import Decided, approve_run, reject_run, revoke_run
from forgelm.publish.desk import Opinion
from forgelm.publish.moves import move_to_final

Decide = Callable[..., Decided]


@pytest.fixture(autouse=True)
def _operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORGELM_OPERATOR", "trainer@build-1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-keys"))
    monkeypatch.delenv("FORGELM_SIGNING_KEY", raising=False)


@pytest.fixture
def as_person(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda name: monkeypatch.setenv("FORGELM_OPERATOR", name)


def status_of(files: RunFiles, run_id: str = RUN) -> CaseStatus:
    return read_cases(files.audit_log)[run_id].status


def test_an_approval_makes_the_model_final_and_says_what_it_was_about(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    sealed, heard = seal(files.staging(RUN)), Heard()
    decided = approve_run(str(files.root), RUN, Opinion("fits", "risk officer"), listen=heard)
    assert (decided.status, decided.path, decided.strategy) == (CaseStatus.GRANTED, files.final_model, "rename")
    assert seal(files.final_model) == sealed == decided.model_root
    assert heard.names() == [Event.HUMAN_APPROVAL_GRANTED, Event.MODEL_PROMOTED]
    (entry,) = read_entries(files.audit_log, [Event.HUMAN_APPROVAL_GRANTED])
    assert entry.fields["log_size"] == entry.number - 1
    assert {entry.fields[name] for name in ("approver", "role", "comment")} == {
        "trainer@build-1",
        "risk officer",
        "fits",
    }
    (check,) = verify_approvals(files.audit_log)
    assert (check.valid, check.not_checked, check.approvers) == (True, (), ("trainer@build-1",))
    verified = verify_audit_log(str(files.audit_log))
    assert (verified.valid, verified.state) == (True, "closed")


def test_the_model_before_is_set_aside(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    before = stage(files, "fg-0")
    move_to_final(files, "fg-0")
    decided = approve_run(str(files.root), RUN)
    assert decided.superseded == files.superseded(RUN)
    assert seal(files.superseded(RUN)) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: (f.staging(RUN) / "adapter_model.safetensors").write_text("weights of fg-00000000000x"), "adapter_"),
        (lambda f: (f.staging(RUN) / "parts" / "README.md").unlink(), "parts/README.md"),
        (lambda f: (f.staging(RUN) / "added.py").write_text("import os"), "added.py"),
        (lambda f: (f.staging(RUN) / "model_integrity.json").write_text("{}"), "model_integrity.json"),
        (lambda f: (f.review(RUN) / "compliance" / "compliance_report.json").write_text("{}"), "compliance_report"),
        (lambda f: (f.review(RUN) / "resolved_config.yaml").unlink(), "resolved_config.yaml"),
    ],
    ids=["weights", "removed", "added", "manifest", "document", "config"],
)
def test_a_changed_byte_is_refused_by_name_and_nothing_happens(
    change: Callable[[RunFiles], object], named: str, tmp_path: Path
) -> None:
    files = hold(tmp_path / "run")
    change(files)
    before = files.audit_log.read_bytes()
    with pytest.raises(IntegrityError, match=named) as caught:
        approve_run(str(files.root), RUN)
    assert caught.value.exit_code == ExitCode.INTEGRITY
    assert files.audit_log.read_bytes() == before
    assert not files.final_model.exists()
    assert reject_run(str(files.root), RUN).status is CaseStatus.REJECTED


def test_nothing_is_decided_on_a_log_that_does_not_hold(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    files.audit_log.write_bytes(files.audit_log.read_bytes().replace(b'"eval_loss": 0.5', b'"eval_loss": 0.1'))
    files.audit_log.write_bytes(files.audit_log.read_bytes() + b'{"event": "x", "prev_hash": "no"}\n')
    for decide in (approve_run, reject_run, revoke_run):
        with pytest.raises(IntegrityError, match="does not hold"):
            decide(str(files.root), RUN)


def test_a_line_that_a_crash_tore_does_not_keep_anybody_from_deciding(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    with files.audit_log.open("ab") as stream:
        stream.write(b'{"timestamp": "2026-')
    assert [model.run_id for model in list_pending(str(files.root))] == [RUN]
    assert approve_run(str(files.root), RUN).status is CaseStatus.GRANTED
    assert len(list(read_entries(files.audit_log, [Event.LOG_RECOVERED]))) == 1


def test_a_rejected_model_lies_in_quarantine_with_the_reason(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    sealed = seal(files.staging(RUN))
    decided = reject_run(str(files.root), RUN, Opinion("leaks names"))
    assert seal(files.quarantine(RUN) / "final_model") == sealed
    assert decided.path == files.quarantine(RUN) / "final_model"
    record = json.loads((files.quarantine(RUN) / "decision.json").read_text())
    assert (record["comment"], record["event"]) == ("leaks names", "human_approval.rejected")
    (told,) = read_entries(files.audit_log, [Event.HUMAN_APPROVAL_REJECTED])
    assert (told.fields["gate"], told.fields["run_id"], told.fields["comment"]) == ("final_model", RUN, "leaks names")
    assert not files.staging(RUN).exists()


@pytest.mark.parametrize("first", [approve_run, reject_run])
@pytest.mark.parametrize("second", [approve_run, reject_run])
def test_what_is_decided_stays_decided(first: Decide, second: Decide, tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    first(str(files.root), RUN)
    with pytest.raises(ConfigError, match=r"is (granted|rejected), not pending: line \d+ of the log, trainer@build-1"):
        second(str(files.root), RUN)


def test_a_final_model_can_be_withdrawn_once(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    approve_run(str(files.root), RUN)
    decided = revoke_run(str(files.root), RUN, Opinion("found a leak"))
    assert decided.status is CaseStatus.REVOKED
    assert not files.final_model.exists()
    assert (files.quarantine(RUN) / "final_model").is_dir()
    for decide in (approve_run, revoke_run):
        with pytest.raises(ConfigError, match="is revoked"):
            decide(str(files.root), RUN)
    assert verify_approvals(files.audit_log)[0].valid


def test_a_withdrawn_model_is_found_where_a_later_one_set_it_aside(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    approve_run(str(files.root), RUN)
    hold(tmp_path / "run", "fg-2")
    approve_run(str(files.root), "fg-2")
    revoke_run(str(files.root), RUN)
    assert (files.quarantine(RUN) / "final_model").is_dir()
    assert not files.superseded("fg-2").exists()
    assert status_of(files, "fg-2") is CaseStatus.GRANTED


def test_two_people_must_agree_and_an_approval_can_be_taken_back(
    tmp_path: Path, as_person: Callable[[str], None]
) -> None:
    files = hold(tmp_path / "run", min_approvers=2, require_distinct_approver=True)
    with pytest.raises(ConfigError, match="trainer@build-1 started this run"):
        approve_run(str(files.root), RUN)
    as_person("Trainer")
    with pytest.raises(ConfigError, match="started this run"):
        approve_run(str(files.root), RUN)
    as_person("alice@desk")
    with pytest.raises(ConfigError, match="nobody approved"):
        revoke_run(str(files.root), RUN)
    first = approve_run(str(files.root), RUN)
    assert (first.status, first.needed) == (CaseStatus.PENDING, 1)
    with pytest.raises(ConfigError, match="alice@desk approved this model already; 1 more people must"):
        approve_run(str(files.root), RUN)
    assert revoke_run(str(files.root), RUN).needed == 2
    as_person("bob")
    assert approve_run(str(files.root), RUN).needed == 1
    as_person("alice@desk")
    decided = approve_run(str(files.root), RUN)
    assert (decided.status, decided.path) == (CaseStatus.GRANTED, files.final_model)
    (check,) = verify_approvals(files.audit_log)
    assert (check.valid, check.approvers) == (True, ("bob", "alice@desk"))


def test_a_request_expires(tmp_path: Path) -> None:
    files = hold(tmp_path / "run", expires_after_days=3)
    (pending,) = list_pending(str(files.root), now=datetime.now(UTC) + timedelta(days=4))
    assert pending.expired
    with pytest.raises(ConfigError, match="expired on"):
        approve_run(str(files.root), RUN, now=datetime.now(UTC) + timedelta(days=4))
    assert approve_run(str(files.root), RUN, now=datetime.now(UTC) + timedelta(days=2)).path


def test_a_model_that_failed_a_gate_needs_a_reason(tmp_path: Path) -> None:
    files = hold(tmp_path / "run", gates_passed=False)
    with pytest.raises(ConfigError, match="needs a reason"):
        approve_run(str(files.root), RUN, Opinion("  "))
    approve_run(str(files.root), RUN, Opinion("the limit was set too low"))
    (promoted,) = read_entries(files.audit_log, [Event.MODEL_PROMOTED])
    assert promoted.fields["gates_passed"] is False


def test_only_the_keys_on_the_list_approve_and_their_names_count(
    tmp_path: Path, as_person: Callable[[str], None]
) -> None:
    alice = generate_key(tmp_path / "alice.pem", "alice")
    mallory = generate_key(tmp_path / "mallory.pem", "alice")
    files = hold(tmp_path / "run", approvers=[alice.public.text])
    as_person("alice")
    for opinion in (Opinion(), Opinion(key=str(tmp_path / "mallory.pem"))):
        with pytest.raises(ConfigError, match="only with the key of: alice"):
            approve_run(str(files.root), RUN, opinion)
    as_person("anybody")
    decided = approve_run(str(files.root), RUN, Opinion(key=str(tmp_path / "alice.pem")))
    assert (decided.approver, decided.key) == ("alice", alice.public.text)
    (check,) = verify_approvals(files.audit_log)
    assert (check.valid, check.signed) == (True, 1)
    assert mallory.public.raw != alice.public.raw


def test_an_ssh_key_on_the_list_is_understood(tmp_path: Path) -> None:
    key = generate_key(tmp_path / "key.pem", "k")
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + key.public.raw
    listed = f"ssh-ed25519 {base64.b64encode(blob).decode()} carol@laptop"
    files = hold(tmp_path / "run", approvers=[listed])
    assert approve_run(str(files.root), RUN, Opinion(key=str(tmp_path / "key.pem"))).approver == "carol@laptop"
    assert verify_approvals(files.audit_log)[0].valid


@pytest.mark.parametrize(
    ("folder", "run_id", "message"),
    [
        ("nowhere", RUN, "there is no folder"),
        ("empty", RUN, "there is no audit log"),
        ("run", "fg-ffffffffffff", "asked nobody"),
        ("run", "../../etc", "asked nobody"),
    ],
)
def test_what_is_not_there_is_a_callers_mistake(folder: str, run_id: str, message: str, tmp_path: Path) -> None:
    hold(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=message):
        approve_run(str(tmp_path / folder), run_id)


def test_a_model_that_was_deleted_cannot_be_approved(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    files.staging(RUN).rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is not there"):
        approve_run(str(files.root), RUN)


def test_secrets_in_a_comment_do_not_reach_the_log(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    token = "hf_" + "a1" * 12
    approve_run(str(files.root), RUN, Opinion(f"used {token}"))
    assert token.encode() not in files.audit_log.read_bytes()


def test_of_two_people_at_once_one_decides(tmp_path: Path) -> None:
    """Real processes, started together: whichever is first, the other is told so, and the log tells one story."""
    for attempt in range(3):
        files = hold(tmp_path / f"run-{attempt}")
        commands = [
            [sys.executable, "-m", "forgelm", word, RUN, "--output-dir", str(files.root), "--output-format", "json"]
            for word in ("approve", "reject")
        ]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
        replies = [json.loads(process.communicate(timeout=60)[0]) for process in running]
        assert sorted(process.returncode for process in running) == [ExitCode.OK, ExitCode.CONFIG]
        won = "granted" if replies[0]["success"] else "rejected"
        assert status_of(files) == won
        assert f"is {won}, not pending" in replies[1 if replies[0]["success"] else 0]["error"]
        assert files.final_model.exists() == (won == "granted")
        assert verify_audit_log(str(files.audit_log)).valid


@pytest.mark.parametrize(("decide", "ending"), [(approve_run, "granted"), (reject_run, "rejected")])
def test_killed_at_any_step_the_model_is_pending_or_decided_and_moved(
    decide: Decide, ending: str, tmp_path: Path
) -> None:
    step, finished, outcomes = 0, False, set()
    while not finished:
        step += 1
        files = hold(tmp_path / f"run-{step}")
        finished = not kill_at(files.root, step, lambda: decide(str(files.root), RUN))  # noqa: B023
        waiting = list_pending(str(files.root))
        status = status_of(files)
        outcomes.add(str(status))
        place = files.final_model if ending == "granted" else files.quarantine(RUN) / "final_model"
        done = [e.event for e in read_entries(files.audit_log, [Event.MODEL_PROMOTED, Event.MODEL_QUARANTINED])]
        assert [model.run_id for model in waiting] == ([RUN] if status is CaseStatus.PENDING else [])
        assert len(done) == (status is not CaseStatus.PENDING)
        assert files.staging(RUN).exists() == (status is CaseStatus.PENDING)
        assert place.exists() == (status is not CaseStatus.PENDING)
        (check,) = verify_approvals(files.audit_log)
        assert check.valid
        if status is CaseStatus.PENDING:
            assert decide(str(files.root), RUN).status == ending
    assert outcomes == {"pending", ending}
    assert step > 10


def test_a_withdrawal_that_is_killed_is_finished(tmp_path: Path) -> None:
    step, finished, outcomes = 0, False, set()
    while not finished:
        step += 1
        files = hold(tmp_path / f"run-{step}")
        approve_run(str(files.root), RUN)
        finished = not kill_at(files.root, step, lambda: revoke_run(str(files.root), RUN))  # noqa: B023
        assert list_pending(str(files.root)) == []
        status = status_of(files)
        outcomes.add(str(status))
        assert files.final_model.exists() == (status is CaseStatus.GRANTED)
        assert (files.quarantine(RUN) / "final_model").exists() == (status is CaseStatus.REVOKED)
    assert outcomes == {"granted", "revoked"}


def test_a_decision_takes_part_in_no_other_run(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    hold(tmp_path / "run", "fg-2", gates_passed=False)
    assert [model.run_id for model in list_pending(str(files.root))] == ["fg-2", RUN]
    approve_run(str(files.root), RUN)
    assert status_of(files, "fg-2") is CaseStatus.PENDING
    approve_run(str(files.root), "fg-2", Opinion("despite the loss"))
    assert seal(files.superseded("fg-2")) == read_cases(files.audit_log)[RUN].model_root


def test_the_fields_a_reader_of_the_contract_looks_for(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    approve_run(str(files.root), RUN, Opinion("ok"))
    (granted,) = read_entries(files.audit_log, [Event.HUMAN_APPROVAL_GRANTED])
    fields: dict[str, Any] = {"gate": "final_model", "run_id": RUN, "comment": "ok", "promote_strategy": "rename"}
    assert fields.items() <= dict(granted.fields).items()
