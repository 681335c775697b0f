"""A held model's case, opened for one person at a time: the log verified, what was cut short settled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forgelm.base.decision_lock import decision_lock
from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.events import Emit, Event
from forgelm.base.files import RunFiles
from forgelm.base.redact import redact_text
from forgelm.evidence.approval import Case, Decision, read_cases, sign_decision
from forgelm.evidence.chain import VerifyResult, verify_audit_log
from forgelm.evidence.emit import on_record
from forgelm.evidence.entries import take_checkpoint
from forgelm.evidence.identity import approver_identity
from forgelm.evidence.keys import SigningKey, find_signing_key, load_signing_key
from forgelm.evidence.ledger import AuditLogger, read_secret
from forgelm.publish.promote import Intent, Published, carry_out, settle_locked

_GATE = "final_model"
_WAIT_SECONDS = 10.0
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Opinion:
    """What a person says with a decision. ``key`` is the path of the private key to sign with."""

    comment: str = ""
    role: str = ""
    key: str | None = None


SILENT = Opinion()


@dataclass(frozen=True)
class Desk:
    """A case as somebody decides it: nobody else can meanwhile."""

    files: RunFiles
    case: Case
    opinion: Opinion
    listen: Emit
    now: datetime

    def build(self, decision: Decision) -> tuple[dict[str, Any], SigningKey | None]:
        """Return a decision's fields, signed when there is a key: what is signed is what goes into the log."""
        case, key = self.case, load_signing_key(Path(self.opinion.key)) if self.opinion.key else find_signing_key()
        checkpoint = take_checkpoint(self.files.audit_log)
        fields: dict[str, Any] = {
            "gate": _GATE,
            "run_id": case.run_id,
            "decision": str(decision),
            "approver": _approver(case, key),
            "role": redact_text(self.opinion.role),
            "comment": redact_text(self.opinion.comment),
            "model_root": case.model_root,
            "evidence_root": case.evidence_root,
            "log_size": checkpoint.size,
            "log_root": checkpoint.root,
            "decided_at": self.now.isoformat(timespec="microseconds"),
            "final_model_dir": self.files.final_model_dir,
            "staging_path": str(self.files.staging(case.run_id)),
        }
        if key is not None:
            fields |= sign_decision(fields, key)
        return fields, key

    def record(self, event: Event, fields: dict[str, Any]) -> None:
        """Write a decision that moves nothing."""
        with on_record(self.files.root, self.case.run_id, self.listen) as emit:
            emit(event, **fields)

    def commit(self, event: Event, fields: dict[str, Any]) -> Published:
        """Write a decision, which then stands: whatever ends this process, the next command moves the model."""
        files, case = self.files, self.case
        with on_record(files.root, case.run_id, self.listen) as emit:
            emit(event, **fields)
            return carry_out(files, Intent(event, case.run_id, case.model_root, files.final_model_dir, fields), emit)


@contextmanager
def open_desk(output_dir: str, run_id: str, opinion: Opinion, listen: Emit, now: datetime | None) -> Iterator[Desk]:
    """Open the case of ``run_id`` once what was left half done in the folder is settled.

    Raises:
        ConfigError: the run asked nobody for approval.
        IntegrityError: the log does not hold.
        RunBusyError: somebody else is deciding.
    """
    with decision_lock(_find_folder(output_dir), wait_seconds=_WAIT_SECONDS):
        files = open_run_folder(output_dir)
        settle_locked(files)
        case = find_case(files, run_id)
        yield Desk(paths_of(case, files), case, opinion, listen, now or datetime.now(UTC))


def find_case(files: RunFiles, run_id: str) -> Case:
    """Return the case of ``run_id`` as the folder's log tells it.

    Raises:
        ConfigError: the run asked nobody for approval.
    """
    case = read_cases(files.audit_log).get(run_id)
    if case is None or not _RUN_ID.fullmatch(run_id):
        raise ConfigError(
            f"run {run_id} asked nobody for approval in {files.root}",
            hint=f"see the runs that did: forgelm approvals --pending --output-dir {files.root}",
        )
    return case


def paths_of(case: Case, files: RunFiles) -> RunFiles:
    """Return the run folder's paths with the name that the model of ``case`` has when it is final."""
    return replace(files, final_model_dir=case.request.text("final_model_dir") or files.final_model_dir)


def open_run_folder(output_dir: str) -> RunFiles:
    """Return the paths of a run folder whose log holds.

    Raises:
        ConfigError: there is no such folder, or no log in it.
        IntegrityError: the log does not hold.
    """
    files = _find_folder(output_dir)
    found = verify_log(files)
    if not found.valid:
        # A crash may have torn the last line, which opening the log repairs; nothing else is repaired.
        AuditLogger(str(files.root)).close()
        found = verify_log(files)
    if not found.valid:
        raise IntegrityError(
            f"{files.audit_log} does not hold: {found.problem}",
            hint="nothing can be decided on it; look at it with 'forgelm verify-audit'",
        )
    return files


def _find_folder(output_dir: str) -> RunFiles:
    files = RunFiles(Path(output_dir).absolute())
    if not files.root.is_dir():
        raise ConfigError(f"there is no folder {files.root}", hint="name a run's training.output_dir")
    if not files.audit_log.is_file():
        raise ConfigError(f"there is no audit log in {files.root}", hint="name a run's training.output_dir")
    return files


def verify_log(files: RunFiles) -> VerifyResult:
    """Verify the folder's log, with the secret where there is one: what lacks its tag then counts for nothing."""
    return verify_audit_log(str(files.audit_log), hmac_secret=read_secret())


def _approver(case: Case, key: SigningKey | None) -> str:
    """A key on the run's list says better who this is than the environment does."""
    listed = {one.raw: one.name for one in case.policy.approvers}
    return redact_text(listed[key.public.raw]) if key and key.public.raw in listed else redact_text(approver_identity())
