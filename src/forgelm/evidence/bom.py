"""Turns a run's manifest into a CycloneDX 1.7 ML-BOM: the model, what it was made from, and with which software."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from forgelm.evidence.hashing import HashedFile
from forgelm.evidence.purl import hub_purl, pypi_purl

_JOULES_PER_KWH = 3_600_000
_NAMESPACE = uuid.UUID("6f2b6c1e-6d0b-5c1a-9a58-0f6d3f6a3c11")


def build_ml_bom(manifest: Mapping[str, Any], files: Sequence[HashedFile]) -> dict[str, Any]:
    """Return the ML-BOM of one run from its training ``manifest`` (``compliance_report.json``) and its model's files.

    What the manifest does not know is left out; nothing is guessed.
    """
    base = _base_model(manifest["model_lineage"])
    sources = manifest["data_provenance"]["sources"]
    datasets = [_dataset(source, number) for number, source in enumerate(sources, start=1)]
    packages = manifest["environment"]["packages"]
    libraries = [_library(name, version) for name, version in sorted(packages.items())]
    needs = [base["bom-ref"], *(item["bom-ref"] for item in datasets)]
    made_with = [item["bom-ref"] for item in libraries]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, manifest['run_id'])}",
        "version": 1,
        "metadata": {
            "timestamp": manifest["generated_at"],
            "tools": {
                "components": [{"type": "application", "name": "forgelm", "version": manifest["forgelm_version"]}]
            },
            "component": _model(manifest, base, datasets, files),
        },
        "components": [base, *datasets, *libraries],
        "dependencies": [{"ref": "model", "dependsOn": [*needs, *made_with]}, *({"ref": ref} for ref in needs)],
    }


def _model(
    manifest: Mapping[str, Any], base: dict[str, Any], datasets: list[dict[str, Any]], files: Sequence[HashedFile]
) -> dict[str, Any]:
    lineage, trainer = manifest["model_lineage"], manifest["training_parameters"]["trainer_type"]
    relation = f"fine-tuned by {trainer} ({lineage['adapter_method']})"
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": f"{_short(lineage['base_model'])}_finetune",
        "version": manifest["run_id"],
        "description": f"{lineage['base_model']} {relation}",
        "components": [_file(item) for item in files],
        "pedigree": {"ancestors": [{key: base[key] for key in ("type", "name", "version", "purl") if key in base}]},
        "modelCard": _model_card(manifest, datasets, trainer),
        "properties": _properties(manifest),
    }


def _model_card(manifest: Mapping[str, Any], datasets: list[dict[str, Any]], trainer: str) -> dict[str, Any]:
    lineage = manifest["model_lineage"]
    architecture = (
        (lineage.get("architecture") or {}).get("class") if isinstance(lineage.get("architecture"), dict) else None
    )
    card: dict[str, Any] = {
        "modelParameters": {
            "approach": {"type": _approach(trainer, manifest["data_provenance"]["format"])},
            "task": "text-generation",
            **({"modelArchitecture": architecture} if architecture else {}),
            "datasets": [{"ref": item["bom-ref"]} for item in datasets],
            "inputs": [{"format": "text"}],
            "outputs": [{"format": "text"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": _metrics(manifest["evaluation_results"]["measurements"])},
    }
    considerations = _considerations(manifest)
    return card | ({"considerations": considerations} if considerations else {})


def _approach(trainer: str, row_format: str) -> str:
    if trainer == "grpo":
        return "reinforcement-learning"
    return "self-supervised" if row_format == "text" else "supervised"


def _metrics(measurements: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One metric for each thing that was measured; the base model's value stands beside it as a slice of its own."""
    metrics: list[dict[str, Any]] = []
    for item in measurements:
        kind = f"{item['name']} ({item['unit']}, n={item['n']})"
        if item["value"] is not None:
            metric: dict[str, Any] = {"type": kind, "value": repr(item["value"])}
            low, high = _interval(item["details"])
            if low is not None and high is not None:
                metric["confidenceInterval"] = {"lowerBound": repr(low), "upperBound": repr(high)}
            metrics.append(metric)
        if item["baseline"] is not None:
            metrics.append(
                {"type": kind, "value": repr(item["baseline"]), "slice": "the base model, before fine-tuning"}
            )
    return metrics


def _interval(details: Mapping[str, Any]) -> tuple[float | None, float | None]:
    found = details.get("interval")
    return (found.get("low"), found.get("high")) if isinstance(found, Mapping) else (None, None)


def _considerations(manifest: Mapping[str, Any]) -> dict[str, Any]:
    declared = manifest.get("annex_iv") or manifest.get("provider") or {}
    found: dict[str, Any] = {}
    if purpose := str(declared.get("intended_purpose") or "").strip():
        found["useCases"] = [purpose]
    if limits := str(declared.get("known_limitations") or "").strip():
        found["technicalLimitations"] = [limits]
    joules = (manifest.get("compute") or {}).get("energy_joules")
    if joules is not None:
        energy = {"value": joules / _JOULES_PER_KWH, "unit": "kWh"}
        # The schema wants a provider; whose power it was the run does not know.
        provider = {"organization": {"name": "not recorded"}, "energySource": "unknown", "energyProvided": energy}
        consumption = {"activity": "fine-tuning", "energyProviders": [provider], "activityEnergyCost": energy}
        found["environmentalConsiderations"] = {"energyConsumptions": [consumption]}
    return found


def _properties(manifest: Mapping[str, Any]) -> list[dict[str, str]]:
    lineage, resources = manifest["model_lineage"], manifest["resource_usage"]
    compute, environment = manifest.get("compute") or {}, manifest["environment"]
    known = {
        "config_hash": manifest["config_hash"],
        "adapter_method": lineage["adapter_method"],
        "quantization": lineage["quantization"],
        "trainable_parameters": lineage["trainable_parameters"],
        "total_parameters": lineage["total_parameters"],
        "hardware:device": resources.get("device"),
        "hardware:gpu": resources.get("gpu_model"),
        "hardware:gpu_count": resources.get("gpu_count"),
        "training:seconds": resources.get("training_duration_seconds"),
        "training:flop": compute.get("flop_operations"),
        "python": environment["python"],
        "platform": environment["platform"],
    }
    return [{"name": f"forgelm:{name}", "value": str(value)} for name, value in known.items() if value is not None]


def _base_model(lineage: Mapping[str, Any]) -> dict[str, Any]:
    revision, name = lineage["base_model_revision"], lineage["base_model"]
    found: dict[str, Any] = {"type": "machine-learning-model", "bom-ref": "base-model", "name": name}
    if revision["resolution_source"] == "local_path":
        return found | {"name": name if name.startswith("builtin/") else _short(name)}
    commit = revision["revision_resolved"]
    return found | ({"version": commit} if commit else {}) | {"purl": hub_purl(name, commit)}


def _dataset(source: Mapping[str, Any], number: int) -> dict[str, Any]:
    fingerprint, on_hub = source["fingerprint"], source["kind"] == "huggingface_hub"
    found: dict[str, Any] = {
        "type": "data",
        "bom-ref": f"dataset-{number}",
        "name": source["name"] if on_hub else _short(source["name"]),
    }
    if commit := fingerprint.get("hf_revision"):
        found["version"] = commit
    if digest := fingerprint.get("sha256"):
        found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    described = {"rows": source["rows"], "share": source["share"], "detected": source["detected"]}
    found["data"] = [{"type": "dataset", "name": found["name"]}]
    found["properties"] = [{"name": f"forgelm:{name}", "value": str(value)} for name, value in described.items()]
    return found


def _library(name: str, version: str) -> dict[str, Any]:
    purl = pypi_purl(name, version)
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _file(item: HashedFile) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{item.file}",
        "name": item.file,
        "hashes": [{"alg": "SHA-256", "content": item.sha256}],
    }


def _short(name: str) -> str:
    """A local path says where it lay on one machine; its last part says what it is."""
    return PurePath(name).name or name
