"""Turns a run's manifest into a statement of where its model comes from: SLSA provenance v1 in an in-toto statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from forgelm.evidence.dsse import STATEMENT_TYPE
from forgelm.evidence.hashing import HashedFile, compute_root
from forgelm.evidence.purl import hub_purl, pypi_purl

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:forgelm:fine-tuning:v1"
_BUILDER = "urn:forgelm:run"


def build_provenance(
    manifest: Mapping[str, Any], config: Mapping[str, Any], files: Sequence[HashedFile]
) -> dict[str, Any]:
    """Return the statement for the model that consists of ``files``, made by the resolved ``config``.

    Its first subject is the model as a whole, by the root digest over ``files``; then each file by its own.
    """
    name = manifest["training_parameters"].get("final_model_dir") or "final_model"
    subjects = [(name, compute_root(files)), *((f"{name}/{item.file}", item.sha256) for item in files)]
    metadata = {"invocationId": manifest["run_id"], "finishedOn": manifest["generated_at"]}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": PROVENANCE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"config": dict(config), "config_hash": manifest["config_hash"]},
                "internalParameters": {
                    "environment": {k: v for k, v in manifest["environment"].items() if k != "packages"}
                },
                "resolvedDependencies": [
                    _base_model(manifest["model_lineage"]),
                    *(_dataset(source) for source in manifest["data_provenance"]["sources"]),
                    *(_package(*item) for item in sorted(manifest["environment"]["packages"].items())),
                ],
            },
            "runDetails": {
                "builder": {"id": _BUILDER, "version": {"forgelm": manifest["forgelm_version"]}},
                "metadata": metadata,
            },
        },
    }


def _base_model(lineage: Mapping[str, Any]) -> dict[str, Any]:
    revision, name = lineage["base_model_revision"], lineage["base_model"]
    if revision["resolution_source"] == "local_path":
        return {"name": f"base model {PurePath(name).name}"}
    commit = revision["revision_resolved"]
    return {
        "name": f"base model {name}",
        "uri": hub_purl(name, commit),
        **({"digest": {"gitCommit": commit}} if commit else {}),
    }


def _dataset(source: Mapping[str, Any]) -> dict[str, Any]:
    fingerprint = source["fingerprint"]
    digests = {"sha256": fingerprint.get("sha256"), "gitCommit": fingerprint.get("hf_revision")}
    known = {kind: digest for kind, digest in digests.items() if digest}
    on_hub = source["kind"] == "huggingface_hub"
    found: dict[str, Any] = {"name": f"dataset {source['name'] if on_hub else PurePath(source['name']).name}"}
    return found | ({"digest": known} if known else {})


def _package(name: str, version: str) -> dict[str, Any]:
    return {"name": f"package {name}", "uri": pypi_purl(name, version)}
