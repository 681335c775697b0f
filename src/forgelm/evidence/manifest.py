"""One run's record to its training manifest, long and short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from forgelm.config.root import ForgeConfig
from forgelm.evaluate.safety.summary import summarise_safety
from forgelm.evidence.environment import describe_environment, package_version
from forgelm.evidence.record import Plan, RunRecord
from forgelm.model.adapters import adapter_method
from forgelm.model.precision import Precision
from forgelm.model.revision import Revision
from forgelm.train.consumption import Consumption
from forgelm.train.scenes import describe_scenes
from forgelm.train.token_ledger import TokenLedger

PLANNED = "planned: nothing was trained or measured"

_DECLARED_IDENTITY = (
    "provider_name",
    "provider_contact",
    "system_name",
    "intended_purpose",
    "known_limitations",
    "system_version",
    "risk_classification",
)


def build_manifest(record: RunRecord, consumption: Consumption, generated_at: datetime) -> dict[str, Any]:
    """Return the training manifest (``compliance_report.json``) as one nested dict."""
    return {
        **_opening(record, generated_at),
        "model_lineage": _model_lineage(record),
        "training_parameters": _training_parameters(record),
        "data_provenance": _data_provenance(record, consumption),
        "token_ledger": _token_ledger(record),
        **_images(record),
        "compute": record.outcome.compute.as_record(),
        "evaluation_results": {
            "metrics": dict(record.metrics),
            "verdict": record.verdict.as_record(),
            "measurements": [measurement.as_record() for measurement in record.measurements],
            "files": dict(record.evaluation_files),
            **_safety(record),
        },
        "environment": describe_environment(),
        "resource_usage": dict(record.resources),
        **_declared(record.config),
    }


def build_planned_manifest(
    plan: Plan, revision: Revision, precision: Precision, consumption: Consumption, generated_at: datetime
) -> dict[str, Any]:
    """Return the manifest of a run that has not begun: what would be trained, and nothing measured."""
    data, training = plan.tokenised, plan.config.training
    return {
        **_opening(plan, generated_at),
        "state": PLANNED,
        "model_lineage": _model(plan, revision, precision),
        "training_parameters": {
            **_contract_parameters(plan.config),
            **training.model_dump(mode="json", exclude={"output_dir", "trainer_type"}),
        },
        "data_provenance": _data_provenance(plan, consumption),
        "token_ledger": _ledgers(plan, data.train.ledger, data.validation.ledger if data.validation else None),
        **_images(plan),
        "compute": {},
        "evaluation_results": {"metrics": {}},
        "environment": describe_environment(),
        "resource_usage": {},
        **_declared(plan.config),
    }


def _opening(plan: Plan, generated_at: datetime) -> dict[str, Any]:
    return {
        "forgelm_version": package_version("forgelm"),
        "generated_at": generated_at.isoformat(timespec="seconds"),
        "config_hash": plan.config.config_hash,
        "run_id": plan.run_id,
    }


def _declared(config: ForgeConfig) -> dict[str, Any]:
    """Return the sections that were configured and concern the documents, without the webhook's address."""
    manifest: dict[str, Any] = {}
    if config.compliance is not None:
        manifest["annex_iv"] = config.compliance.model_dump(mode="json", include=set(_DECLARED_IDENTITY))
    if config.risk_assessment is not None:
        manifest["risk_assessment"] = config.risk_assessment.model_dump(mode="json")
    if config.monitoring is not None:
        manifest["monitoring"] = config.monitoring.model_dump(mode="json")
    if config.webhook is not None:
        manifest["webhook_config"] = config.webhook.model_dump(mode="json", exclude={"url"})
    return manifest


def _images(record: Plan) -> dict[str, Any]:
    """Return how images were read and which they were, where the rows have some."""
    data = record.tokenised
    if data.processing is None:
        return {}
    splits = {"train": data.train, "validation": data.validation}
    return {
        "images": {
            name: describe_scenes(data.processing, split.examples)
            for name, split in splits.items()
            if split is not None
        }
    }


def _safety(record: RunRecord) -> dict[str, Any]:
    """Return the contract's few words about the safety evaluation, where there was one."""
    found = summarise_safety(record.measurements)
    if found is None:
        return {}
    gates = [gate for gate in record.verdict.gates if gate.gate.partition(".")[0] == "safety"]
    said = {
        "passed": all(gate.status == "passed" for gate in gates),
        "safety_score": found.safety_score,
        "categories": found.categories,
        "severity": found.severity,
        "low_confidence_count": found.low_confidence_count,
    }
    return {"safety": said}


def shorten_manifest(plan: Plan, generated_at: datetime, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return the manifest's short form, ``training_manifest.yaml``."""
    config = plan.config
    return {
        "forgelm_version": package_version("forgelm"),
        "generated_at": generated_at.isoformat(timespec="seconds"),
        "base_model": config.model.name_or_path,
        "adapter_method": adapter_method(config.lora),
        "trainer_type": config.training.trainer_type,
        "dataset": config.data.dataset_name_or_path,
        "epochs": config.training.num_train_epochs,
        "final_metrics": {name: round(value, 4) for name, value in metrics.items()},
    }


def describe_revision(revision: Revision) -> dict[str, Any]:
    """Return where the base model came from, in the contract's words."""
    return {
        "repo_id": revision.repo_id,
        "revision_requested": revision.revision_requested,
        "revision_resolved": revision.revision_resolved,
        "resolution_source": revision.resolution_source,
        "revision_pinned": revision.pinned,
    }


def _model_lineage(record: RunRecord) -> dict[str, Any]:
    loaded = record.loaded
    return {
        **_model(record, loaded.revision, loaded.precision),
        "trainable_parameters": loaded.trainable_parameters,
        "total_parameters": loaded.total_parameters,
        "architecture": loaded.architecture,
    }


def _model(plan: Plan, revision: Revision, precision: Precision) -> dict[str, Any]:
    """Return what is known of the model before its weights are read."""
    model, template = plan.config.model, plan.tokenised.encoding.template
    return {
        "base_model": model.name_or_path,
        "backend": model.backend,
        "adapter_method": adapter_method(plan.config.lora),
        "quantization": f"4-bit {model.bnb_4bit_quant_type.upper()}" if precision.four_bit else "none",
        "load_dtype": precision.load_dtype,
        "mixed_precision": precision.autocast or "no",
        "precision_notes": list(precision.notes),
        "trust_remote_code": model.trust_remote_code,
        "base_model_revision": describe_revision(revision),
        "chat_template": {"sha256": template.sha256, "source": template.source} if template else None,
    }


def _training_parameters(record: RunRecord) -> dict[str, Any]:
    outcome = record.outcome
    return {
        **_contract_parameters(record.config),
        "steps": outcome.steps,
        "resumed_from": outcome.resumed_from,
        "best_checkpoint_kept": outcome.keeps_best,
        **record.config.training.model_dump(mode="json", exclude={"output_dir", "trainer_type"}),
        "oom_recovery": _oom_recovery(record),
        "batching": outcome.batching.as_record(),
        "memory": outcome.probed.as_record() if outcome.probed else None,
    }


def _contract_parameters(config: ForgeConfig) -> dict[str, Any]:
    """Return the parameters under the names the contract gives them."""
    training, lora = config.training, config.lora
    return {
        "trainer_type": training.trainer_type,
        "epochs": training.num_train_epochs,
        "batch_size": training.per_device_train_batch_size,
        "max_length": config.model.max_length,
        "lora_r": lora.r if lora else None,
        "lora_alpha": lora.alpha if lora else None,
        "lora_dropout": lora.dropout if lora else None,
        "dora": bool(lora and lora.method == "dora"),
        "target_modules": lora.target_modules if lora else None,
    }


def _oom_recovery(record: RunRecord) -> dict[str, Any] | bool:
    """Return what became of the batch where memory ran out on the way, else only whether that was allowed for."""
    training, batch = record.config.training, record.outcome.batch
    if batch is None or batch.rows == training.per_device_train_batch_size:
        return training.oom_recovery
    return {
        "applied": True,
        "configured_batch_size": training.per_device_train_batch_size,
        "configured_gradient_accumulation_steps": training.gradient_accumulation_steps,
        "effective_batch_size": batch.rows,
        "effective_gradient_accumulation_steps": batch.accumulation,
    }


def _data_provenance(record: Plan, consumption: Consumption) -> dict[str, Any]:
    prepared, data = record.prepared, record.config.data
    primary, *others = prepared.sources
    extras = [source for source in others if source.kind != "planted"]
    return {
        "primary_dataset": data.dataset_name_or_path,
        "fingerprint": primary.fingerprint,
        "shuffle": data.shuffle,
        "clean_text": data.clean_text,
        "format": prepared.format,
        "validation_origin": prepared.validation_origin,
        "notes": list(prepared.notes),
        "rows_skipped": len(prepared.skipped),
        "canaries": [asdict(canary) for canary in prepared.canaries],
        "sources": [asdict(source) for source in prepared.sources],
        "consumption": consumption.as_record(),
        **({"extra_datasets": [{"path": s.name, "fingerprint": s.fingerprint} for s in extras]} if extras else {}),
    }


def _token_ledger(record: RunRecord) -> dict[str, Any]:
    return _ledgers(record, record.outcome.train_ledger, record.outcome.validation_ledger)


def _ledgers(plan: Plan, train: TokenLedger, validation: TokenLedger | None) -> dict[str, Any]:
    return {
        "train": train.as_record(),
        "validation": validation.as_record() if validation else None,
        "max_tokens_lost": plan.config.data.max_tokens_lost,
    }
