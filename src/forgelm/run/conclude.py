"""A measured model into its evidence, the place its verdict sends it to, and the result of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forgelm.base.errors import ForgeError, IntegrityError
from forgelm.base.events import Event
from forgelm.base.files import INTEGRITY_FILE, sha256_file
from forgelm.evidence.approval import Policy
from forgelm.evidence.cards import write_model_card
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.documents.dossier import Dossier, open_dossier, with_model
from forgelm.evidence.documents.instructions import write_instructions
from forgelm.evidence.documents.lineage import write_lineage
from forgelm.evidence.documents.write import write_documents
from forgelm.evidence.inventory import verify_integrity, write_integrity_manifest
from forgelm.evidence.record import RunRecord
from forgelm.evidence.review import copy_for_review
from forgelm.evidence.seen_rows import write_seen_rows
from forgelm.gate.verdict import Verdict
from forgelm.publish.promote import Disposition, Published, choose_disposition, promote
from forgelm.run.current import CurrentRun
from forgelm.run.exporting import write_export
from forgelm.run.result import TrainResult
from forgelm.run.summaries import result_fields


def conclude(run: CurrentRun, record: RunRecord) -> TrainResult:
    """Write the evidence, then carry the verdict out.

    Raises:
        IntegrityError: the model changed while it was sealed; nothing was promoted.
        StorageError: something could not be written; nothing was promoted.
    """
    _write_evidence(run, record)
    return _result(record, _publish(run, record))


def _write_evidence(run: CurrentRun, record: RunRecord) -> None:
    run.emit(Event.STAGE, name="writing the evidence")
    staging = record.outcome.staging
    report = run.files.data_audit_report
    if not report.is_file():
        run.emit(Event.GOVERNANCE_SECTION_MISSING, section="data_audit", expected_path=report.name)
    seen = write_seen_rows(run.files, run.run_id, run.config, record.prepared, record.tokenised.train)
    run.emit(Event.SEEN_ROWS_RECORDED, path=seen.relative_to(run.files.root).as_posix(), sha256=sha256_file(seen))
    dossier = open_dossier(record, run.files)
    audit_log = run.checkpoint()
    write_model_card(staging, record, audit_log)
    write_instructions(staging, dossier)
    write_lineage(staging, record)
    _seal(run, staging, audit_log)
    _export(run, record, with_model(dossier, staging))


def _export(run: CurrentRun, record: RunRecord, dossier: Dossier) -> None:
    try:
        written = write_documents(run.files, dossier, destination=_destination(run, record.verdict))
    except ForgeError as error:
        run.emit(Event.ARTIFACTS_EXPORT_FAILED, reason=error.message)
        raise
    problem = dossier.audit.problem if dossier.audit else None
    if problem:
        run.emit(Event.GOVERNANCE_FAILED, reason=problem)
    else:
        run.emit(
            Event.GOVERNANCE_EXPORTED,
            output_path="compliance/data_governance_report.json",
            dataset_count=len(record.prepared.sources),
        )
    run.emit(
        Event.ARTIFACTS_EXPORTED,
        output_dir="compliance",
        files=[path.name for path in written],
        governance_ok=not problem,
        sha256={path.name: sha256_file(path) for path in written},
    )


def _seal(run: CurrentRun, staging: Path, audit_log: Checkpoint) -> None:
    write_integrity_manifest(staging, audit_log=audit_log)
    checked = verify_integrity(str(staging))
    if not checked.valid:
        raise IntegrityError(f"the model changed while its integrity manifest was written: {checked.reason}")
    run.emit(
        Event.MODEL_INTEGRITY_VERIFIED,
        artifacts=checked.verified_count,
        manifest_sha256=sha256_file(staging / INTEGRITY_FILE),
    )


def _destination(run: CurrentRun, verdict: Verdict) -> str:
    """Return where the model goes, in words; it goes there once the documents say so."""
    return {
        Disposition.PROMOTED: f"becomes final, in {run.files.final_model_dir}",
        Disposition.HELD: "waits in staging for a person's approval; 'forgelm approvals' says what became of it",
        Disposition.REFUSED: "is refused and kept in quarantine",
    }[_disposition(run, verdict)]


def _disposition(run: CurrentRun, verdict: Verdict) -> Disposition:
    limits = run.config.evaluation
    return choose_disposition(
        verdict,
        auto_revert=bool(limits and limits.auto_revert),
        require_human_approval=bool(limits and limits.require_human_approval),
    )


def _publish(run: CurrentRun, record: RunRecord) -> Published:
    verdict = record.verdict
    disposition = _disposition(run, verdict)
    published = promote(run.files, run.run_id, verdict, disposition, run.emit)
    if disposition is Disposition.HELD:
        run.emit(Event.HUMAN_APPROVAL_REQUIRED, **_ask(run, record))
        return published
    if disposition is Disposition.PROMOTED and not verdict.failed:
        write_export(run.config, run.files, run.emit)
    run.emit(Event.PIPELINE_COMPLETED, success=not verdict.failed, metrics_summary=dict(record.metrics))
    return published


def _ask(run: CurrentRun, record: RunRecord) -> dict[str, Any]:
    """Return what a person is asked to decide about: these bytes, measured so, under these rules."""
    limits, verdict = run.config.evaluation, record.verdict
    return {
        "gate": "final_model",
        "reason": f"undecided: {verdict.reason}" if verdict.undecided else "require_human_approval=true",
        "metrics": dict(record.metrics),
        "staging_path": str(run.files.staging(run.run_id)),
        "run_id": run.run_id,
        "config_hash": run.config.config_hash,
        "gates_passed": verdict.passed,
        "gates": verdict.as_record()["gates"],
        "final_model_dir": run.files.final_model_dir,
        "model_root": sha256_file(run.files.staging(run.run_id) / INTEGRITY_FILE),
        "evidence_sha256": copy_for_review(run.files, run.run_id),
        "policy": Policy.of(limits.approval if limits else None).as_record(),
    }


def _result(record: RunRecord, published: Published) -> TrainResult:
    path = str(published.path)
    promoted, held = (published.disposition is which for which in (Disposition.PROMOTED, Disposition.HELD))
    return TrainResult(
        success=not record.verdict.failed,
        metrics=dict(record.metrics),
        final_model_path=path if promoted else None,
        reverted=published.disposition is Disposition.REFUSED,
        error=record.verdict.reason if record.verdict.failed else None,
        estimated_cost_usd=record.resources.get("estimated_cost_usd"),
        staging_path=path if held else None,
        resource_usage=dict(record.resources),
        awaiting_approval=held,
        run_id=record.run_id,
        config_hash=record.config.config_hash,
        gates=record.verdict.as_record()["gates"],
        quarantine_path=None if promoted or held else path,
        **result_fields(record.measurements, record.verdict),
    )
