"""Checks a pipeline's manifest: its digest, the chain of models, the stages' evidence, and what the log says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.documents.verify_annex_iv import verify_annex_iv_artifact
from forgelm.evidence.entries import read_entries
from forgelm.evidence.ledger import read_secret
from forgelm.evidence.pipeline.manifest import MANIFEST_FILE, digest_manifest
from forgelm.evidence.pipeline.state import FinalStatus, StageStatus

_LONGEST = 8 << 20
_REQUIRED = ("forgelm_version", "pipeline_run_id", "pipeline_config_hash", "started_at", "final_status", "stages")
_NOT_RUN = {
    StageStatus.PENDING: "pending",
    StageStatus.RUNNING: "running",
    StageStatus.FAILED: "failed",
    StageStatus.GATED: "gated",
    StageStatus.FILTERED: "filtered",
    StageStatus.SKIPPED: "chain_broken",
}


@dataclass(frozen=True)
class Corroboration:
    """What the audit log of the pipeline says about the manifest.

    ``outcome`` is ``corroborated``, ``contradicted`` or ``unattested``.
    """

    outcome: str
    reason: str
    events_examined: int = 0
    stages_asserted: int = 0


@dataclass(frozen=True)
class PipelineVerification:
    """``failure`` is ``config`` where there is nothing to check, ``integrity`` where it does not hold."""

    path: str
    violations: tuple[str, ...]
    stages_total: int = 0
    stages_examined: int = 0
    evidence_verified: int = 0
    evidence_unverified: int = 0
    hash_state: str = "absent"
    status_census: Mapping[str, int] | None = None
    stage_dispositions: tuple[dict[str, Any], ...] = ()
    audit_corroboration: Corroboration | None = None
    failure: str | None = None

    @property
    def success(self) -> bool:
        return self.failure is None


def verify_pipeline(folder: str | Path) -> PipelineVerification:
    """Check the manifest in the pipeline folder ``folder`` and everything it points to.

    Raises:
        OSError: a file cannot be read.
    """
    root = Path(folder)
    path = root / MANIFEST_FILE
    manifest = _read(path)
    if isinstance(manifest, str):
        return PipelineVerification(str(path), (manifest,), failure="config")
    missing = [f"'{name}' is missing" for name in _REQUIRED if name not in manifest]
    if missing:
        return PipelineVerification(str(path), tuple(missing), failure="config")
    recorded = (manifest.get("metadata") or {}).get("manifest_hash")
    violations = [] if recorded in (None, digest_manifest(manifest)) else ["the manifest is not what was sealed"]
    stages = manifest["stages"] if isinstance(manifest["stages"], list) else []
    violations += [] if stages else ["it has no stages"]
    dispositions = tuple(_dispose(index, stage) for index, stage in enumerate(stages))
    violations += [
        f"stage {item['index']}: {item['disposition'].removeprefix('violation:').replace('_', ' ')}"
        for item in dispositions
        if item["disposition"].startswith("violation:")
    ]
    known = [stage for stage in stages if isinstance(stage, dict)]
    violations += [*_check_order(stages), *_check_chain(known), *_check_ending(manifest, known)]
    verified, unverified, broken = _check_evidence(root, known)
    log = _corroborate(root, manifest, known)
    violations += broken
    violations += [f"the log says otherwise: {log.reason}"] if log.outcome == "contradicted" else []
    return PipelineVerification(
        path=str(path),
        violations=tuple(violations),
        stages_total=len(stages),
        stages_examined=sum(item["disposition"] == "examined" for item in dispositions),
        evidence_verified=verified,
        evidence_unverified=unverified,
        hash_state="verified" if recorded else "absent",
        status_census=Counter(str(stage.get("status")) for stage in known),
        stage_dispositions=dispositions,
        audit_corroboration=log,
        failure="integrity" if violations else None,
    )


def _read(path: Path) -> dict[str, Any] | str:
    if not path.is_file() or path.is_symlink():
        return f"there is no {MANIFEST_FILE}"
    if path.stat().st_size > _LONGEST:
        return f"it is larger than {_LONGEST >> 20} MiB"
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        return f"it is no JSON: {error}"
    return content if isinstance(content, dict) else "it is no JSON object"


def _dispose(index: int, stage: Any) -> dict[str, Any]:
    if not isinstance(stage, dict):
        return {"index": index, "name": None, "status": None, "disposition": "violation:not_an_object"}
    status, name = stage.get("status"), stage.get("name")
    if status not in set(StageStatus):
        disposition = "violation:unrecognised_status"
    elif stage.get("gate_decision") == "passed" and status != StageStatus.COMPLETED:
        disposition = "violation:gate_passed_but_not_completed"
    elif status == StageStatus.COMPLETED:
        disposition = "examined"
    else:
        disposition = f"not_applicable:{_NOT_RUN[StageStatus(status)]}"
    return {"index": index, "name": name, "status": status, "disposition": disposition}


def _check_order(stages: list[Any]) -> Iterator[str]:
    for place, stage in enumerate(stages):
        if isinstance(stage, dict) and stage.get("index") != place:
            yield f"stage {place} says its index is {stage.get('index')}"


def _check_chain(stages: list[dict[str, Any]]) -> Iterator[str]:
    for place, stage in enumerate(stages):
        if stage.get("input_source") != "chain":
            continue
        if place == 0:
            yield "the first stage cannot follow another one"
        elif stage.get("input_model") is not None and any(
            stage.get(f"input_{what}") != stages[place - 1].get(f"output_{what}") for what in ("model", "root")
        ):
            yield f"stage {place} was not trained on what stage {place - 1} left"


def _check_ending(manifest: Mapping[str, Any], stages: list[dict[str, Any]]) -> Iterator[str]:
    status, stopped = manifest["final_status"], manifest.get("stopped_at")
    if status not in set(FinalStatus):
        yield f"final_status is {status!r}"
        return
    found = {stage.get("name"): stage.get("status") for stage in stages}
    if stopped is not None and found.get(stopped) not in (StageStatus.FAILED, StageStatus.GATED):
        yield f"stopped_at names {stopped!r}, which did not stop it"
    if stopped is None and status in (FinalStatus.STOPPED, FinalStatus.GATED):
        yield "it stopped and does not say where"
    if status != FinalStatus.IN_PROGRESS and StageStatus.RUNNING in found.values():
        yield "a stage is still running although the pipeline ended"
    if status == FinalStatus.COMPLETED and StageStatus.COMPLETED not in found.values():
        yield "it is called completed and no stage is"


def _check_evidence(root: Path, stages: list[dict[str, Any]]) -> tuple[int, int, list[str]]:
    """Return how many completed stages have sound evidence, how many have none, and what is broken."""
    verified, unverified, broken = 0, 0, list[str]()
    for stage in stages:
        if stage.get("status") != StageStatus.COMPLETED:
            continue
        evidence = stage.get("evidence")
        if not isinstance(evidence, dict) or not evidence:
            unverified += 1
            continue
        found = [problem for place, digest in evidence.items() if (problem := _check_file(root, place, digest))]
        annex = stage.get("training_manifest")
        if not found and isinstance(annex, str) and annex not in evidence:
            found = [f"{annex} is named and not among the evidence"]
        if not found and isinstance(annex, str):
            checked = verify_annex_iv_artifact(str(root / annex))
            found = [f"{annex}: {checked.reason}"] if checked.failure == "integrity" else []
        broken += [f"stage {stage.get('name')}: {problem}" for problem in found]
        verified += not found
    return verified, unverified, broken


def _check_file(root: Path, place: Any, digest: Any) -> str | None:
    parts = PurePosixPath(str(place))
    if parts.is_absolute() or ".." in parts.parts:
        return f"{place} leads out of the folder"
    path = root / parts
    if any(folder.is_symlink() for folder in (path, *path.parents) if folder != root and root in folder.parents):
        return f"{place} is a link"
    if not path.is_file():
        return f"{place} is gone"
    return None if sha256_file(path) == digest else f"{place} was changed"


def _corroborate(root: Path, manifest: Mapping[str, Any], stages: list[dict[str, Any]]) -> Corroboration:
    log = root / "audit_log.jsonl"
    if not log.is_file():
        return Corroboration("unattested", "there is no audit log beside it")
    checked = verify_audit_log(str(log), hmac_secret=read_secret())
    if not checked.valid:
        return Corroboration("contradicted", f"the log does not hold: {checked.reason}")
    run = manifest["pipeline_run_id"]
    entries = [entry for entry in read_entries(log, tuple(Event)) if entry.run_id == run]
    passed = {
        entry.text("stage_name"): entry.text("output_root")
        for entry in entries
        if entry.event == Event.STAGE_COMPLETED and entry.fields.get("gate_decision") == "passed"
    }
    claimed = {str(s.get("name")): s.get("output_root") for s in stages if s.get("gate_decision") == "passed"}
    ended = any(entry.event == Event.PIPELINE_COMPLETED for entry in entries)
    outcome, reason = "corroborated", "the log agrees, under its secret"
    if unknown := sorted(claimed.keys() - passed.keys()):
        outcome, reason = "contradicted", f"it does not know that stage {unknown[0]} passed"
    elif other := [name for name, digest in claimed.items() if passed[name] != digest]:
        outcome, reason = "contradicted", f"stage {other[0]} left another model"
    elif not ended and manifest["final_status"] in (FinalStatus.COMPLETED, FinalStatus.STOPPED):
        outcome, reason = "contradicted", "it does not know that the pipeline ended"
    elif checked.hmac_verified is not True:
        outcome = "unattested"
        reason = "the log agrees; it has no secret, so whoever can write the folder could have written both"
    return Corroboration(outcome, reason, len(entries), len(passed))
