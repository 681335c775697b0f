"""The names of everything a run reports; the audit log's catalogue is this enum."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol


class Event(StrEnum):
    """Event names. Those of the contract keep their spelling; ``TRANSIENT`` ones never reach the audit log."""

    PIPELINE_INITIALIZED = "pipeline.initialized"
    PIPELINE_COMPLETED = "pipeline.completed"
    PIPELINE_FAILED = "pipeline.failed"
    PIPELINE_STOPPED = "pipeline.stopped"
    PIPELINE_STARTED = "pipeline.started"
    PIPELINE_CONTINUED = "pipeline.continued"
    PIPELINE_FORCE_RESUME = "pipeline.force_resume"
    PIPELINE_RESUME_REFUSED = "pipeline.resume_refused"
    STAGE_STARTED = "pipeline.stage_started"
    STAGE_COMPLETED = "pipeline.stage_completed"
    STAGE_GATED = "pipeline.stage_gated"
    STAGE_REVERTED = "pipeline.stage_reverted"
    STAGE_FAILED = "pipeline.stage_failed"
    DATA_PREPARED = "data.prepared"
    MODEL_LOADED = "model.loaded"
    TRAINING_STARTED = "training.started"
    TRAINING_RESUMED = "training.resumed"
    TRAINING_MEMORY_PROBED = "training.memory_probed"
    TRAINING_OOM_RECOVERY = "training.oom_recovery"
    TRAINING_TROUBLE = "training.trouble"
    TRAINING_COMPLETED = "training.completed"
    LOSS_GATE_COMPLETED = "evaluation.loss_gate_completed"
    JUDGE_COMPLETED = "judge.evaluation_completed"
    SAFETY_COMPLETED = "safety.evaluation_completed"
    CLASSIFIER_LOAD_FAILED = "audit.classifier_load_failed"
    SYNTHESIS_REQUESTED = "data.synthesis_requested"
    SYNTHESIS_COMPLETED = "data.synthesis_completed"
    SYNTHESIS_FAILED = "data.synthesis_failed"
    CANARIES_PLANTED = "data.canaries_planted"
    MEMORISATION_COMPLETED = "memorisation.evaluation_completed"
    BENCHMARK_COMPLETED = "benchmark.evaluation_completed"
    SELF_CHECK_COMPLETED = "evaluation.self_check_completed"
    EVALUATIONS_RECORDED = "evaluation.recorded"
    MODEL_STAGED = "model.staged"
    MODEL_PROMOTION_DECIDED = "model.promotion_decided"
    MODEL_PROMOTED = "model.promoted"
    MODEL_REVERTED = "model.reverted"
    MODEL_QUARANTINED = "model.quarantined"
    MODEL_MISSING = "model.missing"
    MODEL_INTEGRITY_VERIFIED = "model.integrity_verified"
    EXPORT_REHEARSED = "export.rehearsed"
    MODEL_EXPORTED = "model.exported"
    GOVERNANCE_EXPORTED = "compliance.governance_exported"
    GOVERNANCE_FAILED = "compliance.governance_failed"
    GOVERNANCE_SECTION_MISSING = "compliance.governance_section_missing"
    ARTIFACTS_EXPORTED = "compliance.artifacts_exported"
    ARTIFACTS_EXPORT_FAILED = "compliance.artifacts_export_failed"
    HUMAN_APPROVAL_REQUIRED = "human_approval.required"
    HUMAN_APPROVAL_ENDORSED = "human_approval.endorsed"
    HUMAN_APPROVAL_GRANTED = "human_approval.granted"
    HUMAN_APPROVAL_REJECTED = "human_approval.rejected"
    HUMAN_APPROVAL_REVOKED = "human_approval.revoked"
    SEEN_ROWS_RECORDED = "data.seen_rows_recorded"
    ERASURE_REQUESTED = "data.erasure_requested"
    ERASURE_COMPLETED = "data.erasure_completed"
    ERASURE_FAILED = "data.erasure_failed"
    ERASURE_WARNING_MEMORISATION = "data.erasure_warning_memorisation"
    ERASURE_WARNING_SYNTHETIC = "data.erasure_warning_synthetic_data_present"
    ERASURE_WARNING_COPIES = "data.erasure_warning_external_copies"
    ACCESS_REQUEST_QUERY = "data.access_request_query"
    SUBJECT_KEY_DESTROYED = "data.subject_key_destroyed"
    RETENTION_EXCEEDED = "retention.exceeded"
    CACHE_MODELS_REQUESTED = "cache.populate_models_requested"
    CACHE_MODELS_COMPLETED = "cache.populate_models_completed"
    CACHE_MODELS_FAILED = "cache.populate_models_failed"
    CACHE_TASKS_REQUESTED = "cache.populate_tasks_requested"
    CACHE_TASKS_COMPLETED = "cache.populate_tasks_completed"
    CACHE_TASKS_FAILED = "cache.populate_tasks_failed"
    RUN_CLOSED = "run.closed"
    LOG_CHECKPOINT = "log.checkpoint"
    LOG_RECOVERED = "log.recovered"
    LOG_REROOTED = "log.rerooted"

    STAGE = "progress.stage"
    PROGRESS = "progress.step"


TRANSIENT = frozenset({Event.STAGE, Event.PROGRESS})


class Emit(Protocol):
    """What a stage is handed to report with: ``emit(Event.X, key=value, ...)``."""

    def __call__(self, event: Event, /, **fields: Any) -> None: ...


def emit_nothing(event: Event, /, **fields: Any) -> None:
    """An ``Emit`` for callers that want no reports."""
