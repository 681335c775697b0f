"""The manifest holds the state and the declarations, sealed; a stage's documents are kept beside it."""

from __future__ import annotations

import json
from pathlib import Path

from support import sections

from forgelm.base.files import RunFiles, sha256_bytes
from forgelm.config.root import ForgeConfig
from forgelm.evidence.pipeline.manifest import (
    MANIFEST_FILE,
    digest_manifest,
    keep_stage_documents,
    write_pipeline_manifest,
)
from forgelm.evidence.pipeline.state import PipelineState, StageState


def test_the_manifest_is_sealed_and_says_who_provides_what(tmp_path: Path) -> None:
    declared = {"provider_name": "Exemplar GmbH", "system_name": "Till", "intended_purpose": "Orders."}
    config = ForgeConfig(
        **sections(Path("d.jsonl"), tmp_path, compliance=declared, risk_assessment={"intended_use": "Orders."})
    )
    state = PipelineState("pl_x", "sha256:00", "0.1.0", "now", (StageState("sft", 0, "sft", error="hf_" + "a1B2" * 8),))
    manifest = json.loads(write_pipeline_manifest(tmp_path, state, config).read_text())
    assert (tmp_path / MANIFEST_FILE).is_file()
    assert manifest["metadata"]["manifest_hash"] == digest_manifest(manifest)
    assert manifest["annex_iv"]["provider_name"] == "Exemplar GmbH"
    assert manifest["risk_assessment"]["intended_use"] == "Orders."
    assert "a1B2a1B2" not in json.dumps(manifest)
    assert digest_manifest({**manifest, "started_at": "then"}) != digest_manifest(manifest)


def test_a_stages_documents_are_copied_with_their_digests(tmp_path: Path) -> None:
    run = RunFiles(tmp_path / "run")
    (run.compliance / "more").mkdir(parents=True)
    (run.compliance / "a.json").write_text("{}")
    (run.compliance / "more" / "b.json").write_text("[]")
    kept = keep_stage_documents(tmp_path / "chain", "sft", run)
    assert kept == {"stages/sft/a.json": sha256_bytes(b"{}"), "stages/sft/more/b.json": sha256_bytes(b"[]")}
    assert (tmp_path / "chain/stages/sft/more/b.json").read_text() == "[]"
