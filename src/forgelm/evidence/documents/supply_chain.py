"""What the model was made from, for machines: its bill of materials (CycloneDX) and its provenance (SLSA, in-toto)."""

from __future__ import annotations

from typing import Any

import yaml

from forgelm.base.files import BOM_FILE, PROVENANCE_FILE
from forgelm.evidence.bom import build_ml_bom
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.provenance import build_provenance


def build_bill_of_materials(dossier: Dossier, manifest: dict[str, Any]) -> Document:
    """Return the ML-BOM of the sealed model."""
    return Document(
        BOM_FILE.removesuffix(".json"),
        "Bill of materials",
        "Base model, datasets, software and files with digests, metrics and energy, in CycloneDX 1.7.",
        "Annex IV, points 1(c), 2(a)",
        build_ml_bom(manifest, dossier.sealed),
    )


def build_provenance_statement(dossier: Dossier, manifest: dict[str, Any]) -> Document:
    """Return the provenance statement of the sealed model."""
    config = yaml.safe_load(dossier.run.config.to_yaml())
    return Document(
        PROVENANCE_FILE.removesuffix(".json"),
        "Provenance",
        "Configuration, base model, data and software the model was made from, as an in-toto statement (SLSA v1).",
        "Annex IV, point 2(a)",
        build_provenance(manifest, config, dossier.sealed),
    )
