"""The plain records of a run as documents: the manifest, where the data came from, the declared risk assessment."""

from __future__ import annotations

from typing import Any

from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Outline, said
from forgelm.evidence.documents.page import page_of


def build_compliance_report(dossier: Outline, manifest: dict[str, Any]) -> Document:
    """Return the training manifest as a document."""
    title = "Training manifest"
    lead = "What was trained, on what, how, with which software, and how it was judged, as recorded by the run itself."
    return Document(
        "compliance_report",
        title,
        "Model, revision, parameters, data, tokens, compute, metrics, verdict, software.",
        "Annex IV, points 1(c), 2(a) to 2(c), 2(g)",
        manifest,
        page_of(manifest, title, lead, dossier.foot),
    )


def build_data_provenance(dossier: Outline, manifest: dict[str, Any]) -> Document:
    """Return where the data came from and what each dataset contributed."""
    title, record = "Data provenance", manifest["data_provenance"]
    lead = "Every dataset: where it was read from, what pins its bytes, its columns, and the tokens it contributed."
    return Document(
        "data_provenance",
        title,
        "Every dataset with its fingerprint, its share and the rows left out.",
        "Annex IV, point 2(d)",
        record,
        page_of(record, title, lead, dossier.foot),
    )


def build_risk_assessment(dossier: Outline) -> Document | None:
    """Return the declared risk assessment, ``None`` when the configuration has none."""
    if dossier.run.config.risk_assessment is None:
        return None
    declared = dossier.risk.model_dump(mode="json")
    shown = {
        "declared by": dossier.declared_by,
        "declared on": dossier.declared_on.isoformat(),
        **{key: value if not isinstance(value, str) else said(value) for key, value in declared.items()},
    }
    title = "Risk assessment"
    return Document(
        "risk_assessment",
        title,
        "The risks the provider declares, and what is done about them.",
        "Article 9, Annex IV, point 5",
        declared,
        page_of(shown, title, "As the provider declares it; nothing in it was checked.", dossier.foot),
    )
