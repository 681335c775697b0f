"""Writes ``compliance/``: the training manifest and the files beside it, from one run's record."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from forgelm.base.files import RunFiles, to_json_safe, write_json, write_text
from forgelm.data.rows import Row, RowFormat
from forgelm.evidence.environment import describe_environment, package_version
from forgelm.evidence.record import RunRecord
from forgelm.model.revision import Revision


def write_compliance(files: RunFiles, record: RunRecord) -> tuple[Path, ...]:
    """Write every file of ``compliance/`` this run can fill and return their paths.

    Raises:
        StorageError: one could not be written.
    """
    folder = files.compliance
    manifest = build_manifest(record)
    written = [
        write_json(folder / "compliance_report.json", manifest),
        write_text(folder / "training_manifest.yaml", _to_yaml(_short_manifest(manifest, record))),
        write_json(folder / "data_provenance.json", manifest["data_provenance"]),
        write_json(folder / "data_governance_report.json", build_governance_report(record, files.data_audit_report)),
    ]
    if record.config.risk_assessment is not None:
        written.append(write_json(folder / "risk_assessment.json", manifest["risk_assessment"]))
    return tuple(written)


def build_manifest(record: RunRecord) -> dict[str, Any]:
    """Return the training manifest (``compliance_report.json``) as one nested dict."""
    config = record.config
    manifest: dict[str, Any] = {
        "forgelm_version": package_version("forgelm"),
        "generated_at": datetime.now(UTC).isoformat(),
        "config_hash": config.config_hash,
        "run_id": record.run_id,
        "model_lineage": _model_lineage(record),
        "training_parameters": _training_parameters(record),
        "data_provenance": _data_provenance(record),
        "token_ledger": _token_ledger(record),
        "compute": record.outcome.compute.as_record(),
        "evaluation_results": {
            "metrics": dict(record.metrics),
            "verdict": record.verdict.as_record(),
            "measurements": [asdict(measurement) for measurement in record.measurements],
        },
        "environment": describe_environment(),
        "resource_usage": dict(record.resources),
    }
    if config.compliance is not None:
        manifest["provider"] = config.compliance.model_dump(mode="json")
    if config.risk_assessment is not None:
        manifest["risk_assessment"] = config.risk_assessment.model_dump(mode="json")
    return manifest


def build_governance_report(record: RunRecord, audit_report: Path) -> dict[str, Any]:
    """Return the data governance report; a dataset audit lying in the run folder is inlined."""
    prepared, governance = record.prepared, record.config.data.governance
    report: dict[str, Any] = {
        "generated_at": datetime.now(UTC).isoformat(),
        "primary_dataset": record.config.data.dataset_name_or_path,
        "splits": {
            name: _split_statistics(rows, prepared.format)
            for name, rows in (("train", prepared.train), ("validation", prepared.validation))
            if rows
        },
        "data_audit_inlined": False,
    }
    if governance is not None:
        report["governance"] = governance.model_dump(mode="json")
    if audit_report.is_file():
        try:
            audit = json.loads(audit_report.read_text(encoding="utf-8"))
        except ValueError as error:
            return report | {"data_audit_problem": f"{audit_report.name} is not JSON: {error}"}
        report |= {"data_audit_inlined": True, "data_audit": audit}
    return report


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
    loaded, model = record.loaded, record.config.model
    quantization = f"4-bit {model.bnb_4bit_quant_type.upper()}" if loaded.precision.four_bit else "none"
    template = record.tokenised.encoding.template
    return {
        "base_model": model.name_or_path,
        "backend": model.backend,
        "adapter_method": loaded.adapter_method,
        "quantization": quantization,
        "load_dtype": loaded.precision.load_dtype,
        "mixed_precision": loaded.precision.autocast or "no",
        "precision_notes": list(loaded.precision.notes),
        "trust_remote_code": model.trust_remote_code,
        "trainable_parameters": loaded.trainable_parameters,
        "total_parameters": loaded.total_parameters,
        "base_model_revision": describe_revision(loaded.revision),
        "chat_template": {"sha256": template.sha256, "source": template.source} if template else None,
    }


def _training_parameters(record: RunRecord) -> dict[str, Any]:
    config, outcome = record.config, record.outcome
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
        "steps": outcome.steps,
        "resumed_from": outcome.resumed_from,
        "best_checkpoint_kept": outcome.keeps_best,
        **training.model_dump(mode="json", exclude={"output_dir", "trainer_type"}),
    }


def _data_provenance(record: RunRecord) -> dict[str, Any]:
    prepared, data = record.prepared, record.config.data
    primary, *extras = prepared.sources
    return {
        "primary_dataset": data.dataset_name_or_path,
        "fingerprint": primary.fingerprint,
        "shuffle": data.shuffle,
        "clean_text": data.clean_text,
        "format": prepared.format,
        "validation_origin": prepared.validation_origin,
        "notes": list(prepared.notes),
        "rows_skipped": len(prepared.skipped),
        "sources": [asdict(source) for source in prepared.sources],
        **({"extra_datasets": [{"path": s.name, "fingerprint": s.fingerprint} for s in extras]} if extras else {}),
    }


def _token_ledger(record: RunRecord) -> dict[str, Any]:
    outcome = record.outcome
    validation = outcome.validation_ledger
    return {
        "train": outcome.train_ledger.as_record(),
        "validation": validation.as_record() if validation else None,
        "max_tokens_lost": record.config.data.max_tokens_lost,
    }


def _short_manifest(manifest: dict[str, Any], record: RunRecord) -> dict[str, Any]:
    return {
        "forgelm_version": manifest["forgelm_version"],
        "generated_at": manifest["generated_at"],
        "base_model": record.config.model.name_or_path,
        "adapter_method": record.loaded.adapter_method,
        "trainer_type": record.config.training.trainer_type,
        "dataset": record.config.data.dataset_name_or_path,
        "epochs": record.config.training.num_train_epochs,
        "final_metrics": {name: round(value, 4) for name, value in record.metrics.items()},
    }


def _split_statistics(rows: Sequence[Row], row_format: RowFormat) -> dict[str, Any]:
    lengths = sorted(len(text_of(row)) for row in rows)
    return {
        "sample_count": len(rows),
        "columns": sorted(rows[0].value),
        "format": row_format,
        "text_length": {
            "min": lengths[0],
            "max": lengths[-1],
            "mean": round(statistics.fmean(lengths), 2),
            "median": statistics.median(lengths),
            "p95": lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))],
        },
    }


def text_of(row: Row) -> str:
    """Return everything said in a row, joined: what its length in characters is counted over."""
    parts: list[str] = []
    for name in ("text", "messages", "prompt", "completion"):
        value = row.value.get(name)
        if isinstance(value, str):
            parts.append(value)
        elif value:
            parts += [str(message.get("content") or "") for message in value]
    return "\n".join(parts)


def _to_yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(to_json_safe(value), sort_keys=False, allow_unicode=True)
