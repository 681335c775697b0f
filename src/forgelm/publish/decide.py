"""A person's decision about a held model: checked against the bytes it is about, written to the log, carried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import RunFiles, sha256_file
from forgelm.evidence.approval import (
    Case,
    CaseStatus,
    Decision,
    check_signature,
    count_people,
)
from forgelm.evidence.entries import Entry
from forgelm.evidence.identity import is_same_person
from forgelm.evidence.inventory import verify_integrity
from forgelm.evidence.keys import SigningKey
from forgelm.publish.desk import SILENT, Opinion, open_desk
from forgelm.publish.moves import moves_by_rename, seal_of


@dataclass(frozen=True)
class Decided:
    """A decision as it stands in the log. ``path`` is where the model is now; ``needed`` more people must approve."""

    run_id: str
    decision: Decision
    status: CaseStatus
    approver: str
    model_root: str
    path: Path | None
    needed: int = 0
    strategy: str | None = None
    superseded: Path | None = None
    key: str | None = None
    comment: str = ""
    staging_path: str = ""


def approve_run(
    output_dir: str,
    run_id: str,
    opinion: Opinion = SILENT,
    *,
    listen: Emit = emit_nothing,
    now: datetime | None = None,
) -> Decided:
    """Approve the model that ``run_id`` holds; with the last approval its rules ask for it becomes final.

    The decision names the model's seal, the documents it was made on and the log before it, and is signed with the
    key of ``opinion``, else with this account's key if it has one.

    Raises:
        ConfigError: nothing is held, it was decided already, it expired, or this person may not approve it.
        IntegrityError: the log does not hold, or the model or a document is not what was measured; it names the file.
        RunBusyError: somebody else is deciding.
        StorageError: it could not be written or moved.
    """
    with open_desk(output_dir, run_id, opinion, listen, now) as desk:
        files, case = desk.files, desk.case
        _require(case, CaseStatus.PENDING)
        staging = files.staging(run_id)
        if not staging.is_dir():
            raise ConfigError(f"the held model {staging} is not there", hint="it was moved or deleted; train again")
        _check_bytes(files, case)
        fields, key = desk.build(Decision.APPROVE)
        _check_rules(case, fields, key, desk.now)
        approvals = [*case.approvals, Entry(0, fields)]
        needed = max(0, case.policy.min_approvers - count_people(approvals))
        if needed and count_people(approvals) == count_people(case.approvals):
            raise ConfigError(f"{fields['approver']} approved this model already; {needed} more people must")
        if needed:
            desk.record(Event.HUMAN_APPROVAL_ENDORSED, fields)
            return _decided(case, fields, CaseStatus.PENDING, path=staging, needed=needed)
        fields["promote_strategy"] = "rename" if moves_by_rename(files, run_id) else "move"
        fields["gates_passed"] = case.request.fields.get("gates_passed")
        published = desk.commit(Event.HUMAN_APPROVAL_GRANTED, fields)
    more = {"strategy": fields["promote_strategy"], "superseded": published.superseded}
    return _decided(case, fields, CaseStatus.GRANTED, path=published.path, **more)


def reject_run(
    output_dir: str,
    run_id: str,
    opinion: Opinion = SILENT,
    *,
    listen: Emit = emit_nothing,
    now: datetime | None = None,
) -> Decided:
    """Reject the model that ``run_id`` holds: it goes to quarantine, where ``retention.staging_ttl_days`` ends it.

    Raises:
        the same as ``approve_run``, but a changed model can be rejected.
    """
    with open_desk(output_dir, run_id, opinion, listen, now) as desk:
        _require(desk.case, CaseStatus.PENDING)
        fields, _ = desk.build(Decision.REJECT)
        published = desk.commit(Event.HUMAN_APPROVAL_REJECTED, fields)
    return _decided(desk.case, fields, CaseStatus.REJECTED, path=published.path)


def revoke_run(
    output_dir: str,
    run_id: str,
    opinion: Opinion = SILENT,
    *,
    listen: Emit = emit_nothing,
    now: datetime | None = None,
) -> Decided:
    """Take back what was approved: before the model is final all approvals so far, afterwards the model itself.

    A final model goes to quarantine wherever it stands, and cannot be approved again.

    Raises:
        the same as ``approve_run``, but a changed model can be withdrawn.
    """
    with open_desk(output_dir, run_id, opinion, listen, now) as desk:
        case = desk.case
        if case.status is CaseStatus.PENDING and not case.approvals:
            raise ConfigError(f"nobody approved the model of run {run_id} yet", hint="to refuse it: forgelm reject")
        if case.status is not CaseStatus.PENDING:
            _require(case, CaseStatus.GRANTED)
        fields, _ = desk.build(Decision.REVOKE)
        if case.status is CaseStatus.PENDING:
            desk.record(Event.HUMAN_APPROVAL_REVOKED, fields)
            path, needed = desk.files.staging(run_id), case.policy.min_approvers
            return _decided(case, fields, CaseStatus.PENDING, path=path, needed=needed)
        published = desk.commit(Event.HUMAN_APPROVAL_REVOKED, fields)
    return _decided(case, fields, CaseStatus.REVOKED, path=published.path)


def _require(case: Case, status: CaseStatus) -> None:
    if case.status is status:
        return
    last = case.decisions[-1] if case.decisions else case.request
    who, when = last.text("approver") or last.text("operator"), last.timestamp
    raise ConfigError(
        f"the model of run {case.run_id} is {case.status}, not {status}: line {last.number} of the log, "
        f"{who}, {when[:19]}",
        hint=f"see what happened: forgelm approvals --show {case.run_id}",
    )


def _check_bytes(files: RunFiles, case: Case) -> None:
    """Compare model and documents with what the run measured and the log pinned."""
    staging = files.staging(case.run_id)
    if not case.model_root:
        raise ConfigError(
            f"the request of run {case.run_id} does not say which bytes were measured", hint="train again"
        )
    if seal_of(staging) != case.model_root:
        raise _refuse(staging / "model_integrity.json")
    found = verify_integrity(str(staging))
    if not found.valid:
        raise _refuse(*(staging / file for file in (*found.changed, *found.removed, *found.added)))
    changed = [
        files.root / name
        for name, digest in case.evidence.items()
        if not (files.root / name).is_file() or sha256_file(files.root / name) != digest
    ]
    if changed:
        raise _refuse(*changed)


def _refuse(*changed: Path) -> IntegrityError:
    return IntegrityError(
        f"not what was measured: {', '.join(map(str, changed))}",
        hint="find out who changed it; restore the bytes, or reject the model and train again",
    )


def _check_rules(case: Case, fields: dict[str, Any], key: SigningKey | None, now: datetime) -> None:
    policy, approver = case.policy, fields["approver"]
    if policy.approvers:
        listed = {one.raw for one in policy.approvers}
        if key is None or key.public.raw not in listed:
            names = ", ".join(one.name for one in policy.approvers)
            raise ConfigError(
                f"this model can be approved only with the key of: {names}",
                hint="sign with one of them: --key FILE, or FORGELM_SIGNING_KEY",
            )
        fields["key"] = next(one.text for one in policy.approvers if one.raw == key.public.raw)
    if "key" in fields and (problem := check_signature(fields)):
        raise IntegrityError(f"the decision {problem}")
    if policy.require_distinct_approver and is_same_person(approver, case.request.text("operator")):
        raise ConfigError(
            f"{approver} started this run, and evaluation.approval wants somebody else to approve it",
            hint="ask a colleague; FORGELM_OPERATOR says who is at work",
        )
    if case.expires_at is not None and now > case.expires_at:
        raise ConfigError(
            f"the request of run {case.run_id} expired on {case.expires_at:%Y-%m-%d %H:%M} UTC",
            hint="train again: what was measured then may not hold now",
        )
    if case.request.fields.get("gates_passed") is False and not fields["comment"].strip():
        raise ConfigError(
            f"the model of run {case.run_id} failed a gate: approving it needs a reason", hint="--comment TEXT"
        )


def _decided(case: Case, fields: dict[str, Any], status: CaseStatus, **more: Any) -> Decided:
    return Decided(
        run_id=case.run_id,
        decision=Decision(fields["decision"]),
        status=status,
        approver=fields["approver"],
        model_root=case.model_root,
        key=fields.get("key"),
        comment=fields["comment"],
        staging_path=fields["staging_path"],
        **more,
    )
