"""Training manifests for documents that are made from one: a real run's, and one of a hub model on a GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COMMIT = "a" * 40


def read_manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "compliance" / "compliance_report.json").read_text(encoding="utf-8"))
    return found


def on_the_hub(manifest: dict[str, Any]) -> dict[str, Any]:
    """The same run, had it taken model and data from the hub and measured energy on a GPU."""
    changed: dict[str, Any] = json.loads(json.dumps(manifest))
    lineage = changed["model_lineage"]
    lineage["base_model"] = "org/Base-Model"
    lineage["base_model_revision"] |= {"resolution_source": "pinned_resolved", "revision_resolved": COMMIT}
    source = changed["data_provenance"]["sources"][0]
    source |= {"kind": "huggingface_hub", "name": "org/data", "fingerprint": {"hf_revision": "b" * 40}}
    changed["data_provenance"]["sources"] = [source, source]
    changed["compute"] = {"energy_joules": 7_200_000.0, "flop_operations": 1e15}
    changed["resource_usage"] |= {"gpu_model": "NVIDIA H100", "gpu_count": 1}
    changed["training_parameters"]["trainer_type"] = "grpo"
    changed["evaluation_results"]["measurements"][1]["details"]["interval"] = {"low": 0.1, "high": 0.2, "level": 0.95}
    return changed
