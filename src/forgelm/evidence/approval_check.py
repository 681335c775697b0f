"""Checks the decisions in a log: right bytes, right documents, right people, and nothing final without one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.base.events import Event
from forgelm.evidence.approval import (
    ApprovalCheck,
    Case,
    CaseStatus,
    Policy,
    check_signature,
    count_people,
    read_cases,
)
from forgelm.evidence.entries import Entry, read_entries, read_roots
from forgelm.evidence.identity import is_same_person

ANOTHER_LOG = "was made after another log than this one"
_APPROVALS = (Event.HUMAN_APPROVAL_ENDORSED, Event.HUMAN_APPROVAL_GRANTED)


@dataclass(frozen=True)
class _Log:
    """What the rest of the log says about the runs: their seals, when they became final, and its roots by size."""

    seals: dict[str, str]
    promoted: dict[str, int]
    roots: dict[int, str]


def verify_approvals(log: str | os.PathLike[str], *, model_root: str | None = None) -> tuple[ApprovalCheck, ...]:
    """Check every decision about a held model in ``log``, whose chain ``verify_audit_log`` has shown to hold.

    ``model_root``, the SHA-256 of a model's ``model_integrity.json``, limits the answer to that model: an empty answer
    then means that this log knows of no request about these bytes. Signatures are checked where decisions carry them.

    Raises:
        OSError: the log is missing or cannot be read.
    """
    path = Path(log)
    cases = read_cases(path)
    sizes = {size for case in cases.values() for entry in case.decisions if (size := _log_size(entry))}
    known = _Log(
        {e.run_id: e.text("manifest_sha256") for e in read_entries(path, [Event.MODEL_INTEGRITY_VERIFIED])},
        {e.run_id: e.number for e in reversed(list(read_entries(path, [Event.MODEL_PROMOTED])))},
        read_roots(path, sizes) if sizes else {},
    )
    return tuple(_check(case, known) for case in cases.values() if model_root in (None, case.model_root))


def _check(case: Case, log: _Log) -> ApprovalCheck:
    problems: list[str] = []
    not_checked: list[str] = []
    try:
        policy = case.policy
    except ConfigError as error:
        problems.append(f"line {case.request.number} holds rules that cannot be read: {error.message}")
        policy = Policy()
    if not case.model_root:
        not_checked.append(f"line {case.request.number} does not say which bytes were to be decided about")
    elif log.seals.get(case.run_id) != case.model_root:
        problems.append(f"line {case.request.number} asks about another model than the one its run sealed")
    for entry in case.decisions:
        problems += [f"line {entry.number} {problem}" for problem in _entry_problems(entry, case, policy, log)]
        if not entry.text("model_root"):
            not_checked.append(f"line {entry.number} does not say which bytes it is about")
        if "key" in entry.fields:
            try:
                problem = check_signature(entry.fields)
            except OptionalDependencyError as error:
                not_checked.append(f"the signature in line {entry.number}: {error.message}")
            else:
                problems += [f"line {entry.number} {problem}"] if problem else []
    problems += _count_problems(case, policy, log)
    return ApprovalCheck(
        case.run_id,
        case.status,
        case.model_root,
        tuple(entry.text("approver") for entry in case.approvals),
        sum("key" in entry.fields for entry in case.approvals),
        tuple(problems),
        tuple(not_checked),
    )


def _entry_problems(entry: Entry, case: Case, policy: Policy, log: _Log) -> Iterator[str]:
    if not entry.text("model_root"):
        return
    if entry.fields.get("model_root") != case.model_root:
        yield "is about another model than the one asked about"
    if entry.fields.get("evidence_root") != case.evidence_root:
        yield "is about other documents than those asked about"
    size = _log_size(entry)
    if not size or size >= entry.number or log.roots.get(size) != entry.fields.get("log_root"):
        yield ANOTHER_LOG
    if entry.event not in _APPROVALS:
        return
    if policy.approvers and entry.text("key") not in {key.text for key in policy.approvers}:
        yield "is not signed with a key of those who may approve"
    if policy.require_distinct_approver and is_same_person(entry.text("approver"), case.request.text("operator")):
        yield "is by the person who started the run"
    if _is_late(entry, case):
        yield "was made after the request had expired"


def _count_problems(case: Case, policy: Policy, log: _Log) -> Iterator[str]:
    granted = [entry for entry in case.decisions if entry.event == Event.HUMAN_APPROVAL_GRANTED]
    if case.status is CaseStatus.GRANTED and (count := count_people(case.approvals)) < policy.min_approvers:
        yield f"line {granted[-1].number} grants what {count} of {policy.min_approvers} people approved"
    final = log.promoted.get(case.run_id)
    if final is not None and not any(entry.number < final for entry in granted):
        yield f"line {final} makes the model final without an approval"


def _is_late(entry: Entry, case: Case) -> bool:
    try:
        deadline = case.expires_at
        return deadline is not None and datetime.fromisoformat(entry.text("decided_at")) > deadline
    except (ValueError, TypeError, ConfigError):
        return True


def _log_size(entry: Entry) -> int:
    size = entry.fields.get("log_size")
    return size if type(size) is int else 0
