"""A pipeline's state to ``compliance/pipeline_manifest.json``, and the stages' own documents beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forgelm.base.files import RunFiles, canonical_json, sha256_bytes, to_json_safe, write_bytes, write_json
from forgelm.base.redact import redact
from forgelm.config.root import ForgeConfig
from forgelm.evidence.pipeline.state import PipelineState

MANIFEST_FILE = "compliance/pipeline_manifest.json"
STAGES = "stages"
_IDENTITY = (
    *("provider_name", "provider_contact", "system_name", "system_version"),
    *("intended_purpose", "known_limitations", "risk_classification"),
)


def write_pipeline_manifest(folder: Path, state: PipelineState, config: ForgeConfig) -> Path:
    """Replace the manifest by what the pipeline knows of itself now, sealed by a digest over its own content."""
    manifest: dict[str, Any] = {
        **state.as_record(),
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if config.compliance is not None:
        manifest["annex_iv"] = config.compliance.model_dump(mode="json", include=set(_IDENTITY))
    if config.risk_assessment is not None:
        manifest["risk_assessment"] = config.risk_assessment.model_dump(mode="json")
    manifest = redact(to_json_safe(manifest))
    manifest["metadata"] = {"manifest_hash": digest_manifest(manifest)}
    return write_json(folder / MANIFEST_FILE, manifest)


def digest_manifest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the canonical JSON of everything but ``metadata``. It shows accidents, not attackers."""
    return sha256_bytes(canonical_json({name: value for name, value in manifest.items() if name != "metadata"}))


def keep_stage_documents(folder: Path, name: str, run: RunFiles) -> dict[str, str]:
    """Copy a stage's ``compliance/`` into the pipeline's folder, so that the chain's evidence lies in one place.

    Returns path below ``folder`` to SHA-256. The stage's own copy is replaced by its next run; this one is not.

    Raises:
        StorageError: a copy could not be written.
    """
    kept = {}
    for source in sorted(path for path in run.compliance.rglob("*") if path.is_file()):
        place = f"{STAGES}/{name}/{source.relative_to(run.compliance).as_posix()}"
        data = source.read_bytes()
        write_bytes(folder / place, data)
        kept[place] = sha256_bytes(data)
    return kept
