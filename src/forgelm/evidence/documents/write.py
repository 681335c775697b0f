"""Writes ``compliance/``: every document of a run, put in place together; and what can be written before the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from forgelm.base.files import RunFiles, to_json_safe
from forgelm.base.folder_swap import replace_folder
from forgelm.base.redact import redact
from forgelm.evidence.documents.annex_iv import build_annex_iv, is_described, read_attachments
from forgelm.evidence.documents.content_summary import build_content_summary
from forgelm.evidence.documents.data_governance import build_data_governance
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier, Outline
from forgelm.evidence.documents.gate_report import build_test_report
from forgelm.evidence.documents.gpai_compute import build_gpai_compute
from forgelm.evidence.documents.gpai_documents import build_annex_xi, build_documentation_form
from forgelm.evidence.documents.index import HOME, build_index
from forgelm.evidence.documents.instructions import build_instructions
from forgelm.evidence.documents.records import build_compliance_report, build_data_provenance, build_risk_assessment
from forgelm.evidence.documents.supply_chain import build_bill_of_materials, build_provenance_statement
from forgelm.evidence.documents.training_data import build_training_data
from forgelm.evidence.manifest import build_manifest, build_planned_manifest, shorten_manifest
from forgelm.model.precision import Precision
from forgelm.model.revision import Revision


def write_documents(files: RunFiles, dossier: Dossier, *, destination: str) -> tuple[Path, ...]:
    """Replace ``compliance/`` by this run's documents and return their paths; a failure leaves the folder as it was.

    ``destination`` completes the sentence "By this verdict the model ...".

    Raises:
        ConfigError: a document that a statement names cannot be read.
        StorageError: a file could not be written.
    """
    contents: dict[str, bytes] = {}
    documents = _build_leaves(dossier)
    for document in documents:
        contents |= document.files(HOME)
    contents |= _short_manifest(dossier, dossier.run.metrics)
    contents |= read_attachments(dossier.compliance.annex_iv)
    if is_described(dossier):
        annex = build_annex_iv(dossier, contents)
        documents = [annex, *documents]
        contents |= annex.files(HOME)
    contents |= build_index(dossier, documents, destination).files()
    return replace_folder(files.compliance, contents)


def write_plan(outline: Outline, revision: Revision, precision: Precision) -> tuple[Path, ...]:
    """Replace ``outline.folder`` by what can be documented before a run, and return the paths.

    Metrics are empty, and no item of Annex IV counts as evidenced.

    Raises:
        ConfigError: a document that a statement names cannot be read.
        StorageError: a file could not be written.
    """
    manifest = build_planned_manifest(outline.run, revision, precision, outline.consumption, outline.generated_at)
    risks = build_risk_assessment(outline)
    contents: dict[str, bytes] = {}
    for document in (
        build_compliance_report(outline, manifest),
        build_data_provenance(outline, manifest),
        build_data_governance(outline),
        *([risks] if risks else []),
    ):
        contents |= document.files()
    contents |= _short_manifest(outline, {})
    contents |= read_attachments(outline.compliance.annex_iv)
    if is_described(outline):
        contents |= build_annex_iv(outline, contents).files()
    return replace_folder(outline.folder, contents)


def _build_leaves(dossier: Dossier) -> list[Document]:
    """Build what points to no other document."""
    manifest = build_manifest(dossier.run, dossier.consumption, dossier.generated_at)
    risks = build_risk_assessment(dossier)
    return [
        build_test_report(dossier),
        build_instructions(dossier),
        build_data_governance(dossier),
        build_gpai_compute(dossier),
        build_content_summary(dossier),
        build_annex_xi(dossier),
        *build_documentation_form(dossier),
        *([risks] if risks else []),
        build_data_provenance(dossier, manifest),
        build_training_data(dossier),
        build_compliance_report(dossier, manifest),
        build_bill_of_materials(dossier, manifest),
        build_provenance_statement(dossier, manifest),
    ]


def _short_manifest(outline: Outline, metrics: Mapping[str, float]) -> dict[str, bytes]:
    short = redact(to_json_safe(shorten_manifest(outline.run, outline.generated_at, metrics)))
    text = str(yaml.safe_dump(short, sort_keys=False, allow_unicode=True))
    return {"training_manifest.yaml": text.encode("utf-8", "backslashreplace")}
