from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from manifests import COMMIT, on_the_hub, read_manifest
from support import Finished

from forgelm.evidence.ec_key import generate_ec_key
from forgelm.evidence.inventory import read_sealed_files
from forgelm.evidence.provenance import BUILD_TYPE, build_provenance
from forgelm.evidence.sign import sign_model


def test_the_statement_binds_config_base_data_and_software_to_the_model(finished: Finished) -> None:
    manifest = read_manifest(finished.root)
    files = read_sealed_files(finished.root / "final_model")
    statement = build_provenance(manifest, {"model": {"name_or_path": "builtin/ember"}}, files)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    definition = statement["predicate"]["buildDefinition"]
    assert definition["buildType"] == BUILD_TYPE
    assert definition["externalParameters"]["config"] == {"model": {"name_or_path": "builtin/ember"}}
    base, data, *software = definition["resolvedDependencies"]
    assert base == {"name": "base model ember"}
    assert data["digest"]["sha256"] == manifest["data_provenance"]["fingerprint"]["sha256"]
    assert all(item["uri"].startswith("pkg:pypi/") for item in software)
    assert statement["predicate"]["runDetails"]["metadata"]["invocationId"] == manifest["run_id"]
    named = {subject["name"] for subject in statement["subject"]}
    assert {"final_model", "final_model/adapter_model.safetensors"} <= named


def test_a_hub_model_is_named_by_its_commit(finished: Finished) -> None:
    statement = build_provenance(on_the_hub(read_manifest(finished.root)), {}, [])
    base, data, *_ = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert base == {
        "name": "base model org/Base-Model",
        "uri": f"pkg:huggingface/org/Base-Model@{COMMIT}",
        "digest": {"gitCommit": COMMIT},
    }
    assert data == {"name": "dataset org/data", "digest": {"gitCommit": "b" * 40}}
    assert statement["subject"][0]["name"] == "final_model"


def test_its_first_subject_is_the_root_that_a_signature_signs(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the extra sign")
    model = Path(shutil.copytree(finished.root / "final_model", tmp_path / "final_model"))
    statement = build_provenance(read_manifest(finished.root), {}, read_sealed_files(model))
    signed = sign_model(model, generate_ec_key(tmp_path / "key.pem"))
    assert statement["subject"][0]["digest"] == {"sha256": signed.root}
