"""The bill of materials against the official schema of CycloneDX 1.7, of real and of made-up runs."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from manifests import COMMIT, on_the_hub, read_manifest
from support import Finished

from forgelm.evidence.bom import build_ml_bom
from forgelm.evidence.inventory import read_sealed_files


def problems(bom: dict[str, Any]) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema, of the extra dev")
    referencing = pytest.importorskip("referencing", reason="needs jsonschema, of the extra dev")
    pytest.importorskip("cyclonedx", reason="the schema is in cyclonedx-python-lib, of the extra dev")
    folder = files("cyclonedx.schema._res")
    schemas = [
        json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
        for name in ("bom-1.7", "spdx", "jsf-0.82", "cryptography-defs")
    ]
    resources = ((schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas)
    registry = referencing.Registry().with_resources(resources)
    check = jsonschema.Draft7Validator(schemas[0], registry=registry, format_checker=jsonschema.FormatChecker())
    return [f"{list(error.path)}: {error.message[:200]}" for error in check.iter_errors(bom)]


def build(finished: Finished, manifest: dict[str, Any]) -> dict[str, Any]:
    return build_ml_bom(manifest, read_sealed_files(finished.root / "final_model"))


def test_a_run_s_bom_is_valid_and_names_every_file(finished: Finished) -> None:
    bom = build(finished, read_manifest(finished.root))
    assert problems(bom) == []
    model = bom["metadata"]["component"]
    assert {"adapter_model.safetensors", "model_integrity.json"} <= {file["name"] for file in model["components"]}
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [metric.get("slice") for metric in metrics if metric["type"].startswith("eval_loss")] == [
        None,
        "the base model, before fine-tuning",
    ]
    assert "environmentalConsiderations" not in model["modelCard"].get("considerations", {})
    assert str(finished.root) not in json.dumps(bom)
    assert {"torch", "trl", "peft"} <= {item["name"] for item in bom["components"] if item["type"] == "library"}


def test_a_hub_model_carries_its_revision_and_energy_its_activity(finished: Finished) -> None:
    bom = build(finished, on_the_hub(read_manifest(finished.root)))
    assert problems(bom) == []
    base, *data = [item for item in bom["components"] if item["type"] != "library"]
    assert (base["version"], base["purl"]) == (COMMIT, f"pkg:huggingface/org/Base-Model@{COMMIT}")
    assert [item["version"] for item in data] == ["b" * 40] * 2
    model = bom["metadata"]["component"]
    assert model["pedigree"]["ancestors"][0]["purl"] == base["purl"]
    card = model["modelCard"]
    assert card["modelParameters"]["approach"] == {"type": "reinforcement-learning"}
    (energy,) = card["considerations"]["environmentalConsiderations"]["energyConsumptions"]
    assert (energy["activity"], energy["activityEnergyCost"]) == ("fine-tuning", {"value": 2.0, "unit": "kWh"})
    intervals = [metric.get("confidenceInterval") for metric in card["quantitativeAnalysis"]["performanceMetrics"]]
    assert {"lowerBound": "0.1", "upperBound": "0.2"} in intervals
    assert {"name": "forgelm:hardware:gpu", "value": "NVIDIA H100"} in model["properties"]


def test_every_reference_leads_somewhere_and_the_same_run_gives_the_same_bom(finished: Finished) -> None:
    manifest = on_the_hub(read_manifest(finished.root))
    bom = build(finished, manifest)
    defined = [item["bom-ref"] for item in bom["components"]] + ["model"]
    assert len(set(defined)) == len(defined)
    used = {ref for entry in bom["dependencies"] for ref in (entry["ref"], *entry.get("dependsOn", ()))}
    assert used <= set(defined)
    assert bom == build(finished, manifest)
