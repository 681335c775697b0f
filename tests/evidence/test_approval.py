"""Cases as the log tells them, people counted once, keys in both forms, statements that signatures bind."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.config.approval import ApprovalConfig
from forgelm.evidence.approval import (
    Case,
    CaseStatus,
    Policy,
    build_statement,
    check_signature,
    count_people,
    read_approver_key,
    read_cases,
    sign_decision,
)
from forgelm.evidence.entries import Entry
from forgelm.evidence.keys import generate_key

ASKED, YES, SOME, NO, BACK = (
    Event.HUMAN_APPROVAL_REQUIRED,
    Event.HUMAN_APPROVAL_GRANTED,
    Event.HUMAN_APPROVAL_ENDORSED,
    Event.HUMAN_APPROVAL_REJECTED,
    Event.HUMAN_APPROVAL_REVOKED,
)


def entry(event: str, **fields: Any) -> Entry:
    return Entry(1, {"event": event, "run_id": RUN, **fields})


@pytest.mark.parametrize(
    ("events", "status", "counted"),
    [
        ([], "pending", 0),
        ([SOME], "pending", 1),
        ([SOME, YES], "granted", 2),
        ([NO], "rejected", 0),
        ([SOME, BACK], "pending", 0),
        ([SOME, BACK, SOME, YES], "granted", 2),
        ([YES, BACK], "revoked", 0),
    ],
)
def test_the_status_is_the_last_word(events: list[Event], status: str, counted: int) -> None:
    case = Case(entry(ASKED), tuple(entry(event) for event in events))
    assert (case.status, len(case.approvals)) == (status, counted)


def test_cases_are_read_in_the_order_of_their_requests(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    hold(tmp_path / "run", "fg-2", min_approvers=2, expires_after_days=1)
    cases = read_cases(files.audit_log)
    assert list(cases) == [RUN, "fg-2"]
    assert cases["fg-2"].policy == Policy(min_approvers=2, expires_after_days=1)
    assert cases["fg-2"].expires_at is not None
    assert cases[RUN].expires_at is None
    assert len(cases[RUN].evidence) == 2
    assert cases[RUN].status is CaseStatus.PENDING


@pytest.mark.parametrize(
    ("people", "count"),
    [
        ([("alice", ""), ("Alice@desk", "")], 1),
        ([("alice", "k1"), ("bob", "k1")], 1),
        ([("alice", "k1"), ("bob", "k2")], 2),
        ([("alice", ""), ("anonymous@host", "")], 1),
        ([], 0),
    ],
)
def test_nobody_counts_twice_by_name_or_by_key(people: list[tuple[str, str]], count: int) -> None:
    assert count_people(entry(SOME, approver=name, key=key) for name, key in people) == count


def test_a_signature_binds_every_part_of_a_decision(tmp_path: Path) -> None:
    key = generate_key(tmp_path / "k.pem", "alice")
    fields: dict[str, Any] = {"decision": "approve", "run_id": RUN, "model_root": "a", "comment": "ok", "log_size": 3}
    signed = fields | sign_decision(fields, key)
    assert check_signature(signed) is None
    for name in fields:
        assert "did not make" in str(check_signature(signed | {name: "other"}))
    assert "cannot be read" in str(check_signature(signed | {"signature": "?"}))
    assert "cannot be read" in str(check_signature(signed | {"key": "alice"}))
    assert build_statement(fields) == build_statement(dict(reversed(fields.items())))


def test_policies_survive_the_log(tmp_path: Path) -> None:
    key = generate_key(tmp_path / "k.pem", "alice").public
    config = ApprovalConfig.model_validate({"min_approvers": 1, "approvers": [key.text], "expires_after_days": 2})
    policy = Policy.of(config)
    assert policy == Policy(False, 1, 2, (key,)) == Policy.read(policy.as_record())
    assert Policy.of(None) == Policy()


def test_a_line_of_openssh_is_a_key_too(tmp_path: Path) -> None:
    key = generate_key(tmp_path / "k.pem", "alice").public
    blob = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + key.raw).decode()
    found = read_approver_key(f"ssh-ed25519 {blob} alice smith+home@desk")
    assert (found.raw, found.name) == (key.raw, "alicesmith-home@desk")
    assert read_approver_key(f"ssh-ed25519 {blob}").name == "ssh-key"


@pytest.mark.parametrize(
    "text", ["", "alice", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 ?", "ssh-rsa AAAA", "a+00000000+AAAA"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no Ed25519 public key"):
        read_approver_key(text)
