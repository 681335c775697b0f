"""Lists the models that wait for a person, and shows everything about one: what was measured, decided and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import RunFiles
from forgelm.evidence.approval import ApprovalCheck, Case, CaseStatus, count_people, read_cases
from forgelm.evidence.approval_check import verify_approvals
from forgelm.publish.desk import find_case, open_run_folder, paths_of, verify_log
from forgelm.publish.promote import settle

_HIDDEN = frozenset({"prev_hash", "_hmac"})


@dataclass(frozen=True)
class PendingModel:
    """One model that waits. ``age_seconds`` since the request; ``approved`` of ``needed`` people agreed so far."""

    run_id: str
    staging_path: str
    staging_exists: bool
    requested_at: str
    age_seconds: int
    metrics: dict[str, float]
    config_hash: str | None
    reason: str | None
    gates_passed: bool | None
    approved: int
    needed: int
    expires_at: str | None
    expired: bool


@dataclass(frozen=True)
class ShownRun:
    """Everything about one held model. ``chain`` holds the log's lines, ``check`` what ``verify_approvals`` says.

    ``corruption`` is what is wrong with the log, ``None`` when it holds.
    """

    run_id: str
    status: CaseStatus
    chain: tuple[dict[str, Any], ...]
    staging_contents: tuple[str, ...]
    documents: tuple[str, ...]
    check: ApprovalCheck | None
    corruption: str | None = None


def list_pending(output_dir: str, *, now: datetime | None = None) -> list[PendingModel]:
    """Return the models of a run folder that wait for a person, newest first; none when it has no log.

    Raises:
        ConfigError: there is no such folder.
        IntegrityError: its log does not hold.
    """
    root = Path(output_dir).absolute()
    if root.is_dir() and not RunFiles(root).audit_log.exists():
        return []
    files = open_run_folder(output_dir)
    settle(files)
    pending = [case for case in read_cases(files.audit_log).values() if case.status is CaseStatus.PENDING]
    return [_describe(case, files, now or datetime.now(UTC)) for case in reversed(pending)]


def show_run(output_dir: str, run_id: str) -> ShownRun:
    """Return everything about the held model of ``run_id``, also when the log does not hold.

    Raises:
        ConfigError: there is no log, or it tells of no such request.
    """
    files = RunFiles(Path(output_dir).absolute())
    if not files.audit_log.is_file():
        raise ConfigError(f"there is no audit log in {files.root}", hint="name a run's training.output_dir")
    found = verify_log(files)
    if found.valid:
        settle(files)
    case = find_case(files, run_id)
    staging = paths_of(case, files).staging(run_id)
    return ShownRun(
        run_id,
        case.status,
        tuple(
            {name: value for name, value in entry.fields.items() if name not in _HIDDEN}
            for entry in (case.request, *case.decisions)
        ),
        tuple(sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file())),
        tuple(case.evidence),
        next((check for check in verify_approvals(files.audit_log) if check.run_id == run_id), None),
        found.problem,
    )


def _describe(case: Case, files: RunFiles, now: datetime) -> PendingModel:
    request = case.request
    staging = paths_of(case, files).staging(case.run_id)
    passed, metrics = request.fields.get("gates_passed"), request.fields.get("metrics")
    return PendingModel(
        run_id=case.run_id,
        staging_path=str(staging),
        staging_exists=staging.is_dir(),
        requested_at=request.timestamp,
        age_seconds=max(0, int((now - datetime.fromisoformat(request.timestamp)).total_seconds())),
        metrics=metrics if isinstance(metrics, dict) else {},
        config_hash=request.text("config_hash") or None,
        reason=request.text("reason") or None,
        gates_passed=passed if isinstance(passed, bool) else None,
        approved=count_people(case.approvals),
        needed=case.policy.min_approvers,
        expires_at=case.expires_at.isoformat() if case.expires_at else None,
        expired=case.expires_at is not None and now > case.expires_at,
    )
