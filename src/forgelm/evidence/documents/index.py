"""The first page of a run's evidence: the verdict, the reason for each gate, and the way to every document."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from forgelm.evidence.documents.annex_iv import APPLICATION
from forgelm.evidence.documents.annex_iv_form import STATUSES
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import KEEP, Dossier, said
from forgelm.evidence.documents.gate_report import gate_mark, outcome_mark, show_limit
from forgelm.evidence.documents.page import Block, Bullets, Facts, Link, Page, Paragraph, Section, Table

_DATES = (
    ("2 August 2025", "General-purpose AI models: Articles 53 to 55; older models have until 2 August 2027"),
    ("2 August 2026", "Fines for providers of such models (Article 101); transparency (Article 50)"),
    ("2 December 2027", "High-risk systems of Annex III: Articles 6 to 27, and with them Annex IV"),
    ("2 August 2028", "High-risk systems of Annex I"),
)
HOME = Link("All documents of this run", "index.html")
_KINDS = MappingProxyType({"json": "data", "html": "page", "md": "Markdown"})
_UNPROVEN = (
    (
        "That the documents are whole and unchanged: they lie in a folder somebody can write to. 'forgelm verify' "
        "compares them with their digests in the audit log; with --anchor, the log with what was kept elsewhere."
    ),
    "That what was declared is true. Declarations are copied, with who made them and when, not checked.",
    (
        "That the system meets any law. No harmonised standard was cited in the Official Journal when this was written "
        "(November 2026), and nothing here is a certificate or a legal judgement."
    ),
    (
        "Anything about the system in use: the log is of the training, not the one Article 12 asks of a running "
        "system, and a release decision is not the oversight in use of Article 14."
    ),
)


def build_index(dossier: Dossier, documents: Sequence[Document], destination: str) -> Document:
    """Return the index; it is the last page to be built. ``destination`` says where the verdict sends the model."""
    verdict = dossier.run.verdict
    lead = outcome_mark(verdict.outcome.capitalize())
    sentence = verdict.reason or ("Every gate passed." if verdict.gates else "No gate was set.")
    sections = (
        Section("Verdict", _verdict(dossier, destination)),
        _findings(documents),
        Section("Documents", (_documents(documents),)),
        Section("This run", (Facts(_facts(dossier)),)),
        Section("Dates of application in the EU", (Table(("from", "what"), _DATES), Paragraph(KEEP))),
        Section("What this evidence does not prove", (Bullets(_UNPROVEN),)),
    )
    name = said(dossier.compliance.system_name) or dossier.run.config.model.name_or_path
    page = Page(f"Evidence of run {dossier.run.run_id}: {name}", (lead, sentence), sections, dossier.foot)
    return Document("index", "Evidence", "This page.", "", None, page)


def _verdict(dossier: Dossier, destination: str) -> tuple[Block, ...]:
    gates = dossier.run.verdict.gates
    rows = tuple((gate.gate, gate_mark(gate.status), gate.reason, gate.value, show_limit(gate.limit)) for gate in gates)
    table = (Table(("gate", "outcome", "reason", "value", "limit"), rows),) if rows else ()
    return (*table, Paragraph(f"By this verdict the model {destination}."))


def _documents(documents: Sequence[Document]) -> Table:
    rows = []
    for document in documents:
        ways = tuple(Link(_KINDS[name.rpartition(".")[2]], name) for name in document.files())
        rows.append((document.title, document.purpose, document.law, tuple(reversed(ways))))
    return Table(("document", "what it says", "serves", "open"), tuple(rows))


def _findings(documents: Sequence[Document]) -> Section:
    """Return what the longer documents arrive at, one sentence each."""
    records: dict[str, Any] = {document.name: document.record for document in documents}
    found: list[str] = []
    if annex := records.get("annex_iv_metadata"):
        counts = ", ".join(f"{annex['coverage'][status]} {status.replace('_', ' ')}" for status in STATUSES)
        found.append(f"Annex IV, {annex['coverage']['total']} items: {counts}. {APPLICATION}")
    found.append(records["gpai_compute"]["sentence"])
    missing = records["training_content_summary"]["missing"]
    found.append(
        f"Public summary of training content: {len(missing)} things nobody declared."
        if missing
        else "Public summary of training content: nothing it asks for is missing."
    )
    return Section("In short", (Bullets(tuple(found)),))


def _facts(dossier: Dossier) -> tuple[tuple[str, Any], ...]:
    run = dossier.run
    return (
        ("base model", run.config.model.name_or_path),
        ("revision", run.loaded.revision.revision_resolved or "local files"),
        ("method", run.loaded.adapter_method),
        ("data", "; ".join(source.name for source in run.prepared.sources)),
        ("configuration", Link("resolved_config.yaml", "../resolved_config.yaml")),
        ("short manifest", Link("training_manifest.yaml", "training_manifest.yaml")),
        ("configuration hash", run.config.config_hash),
        # No link: this page is copied, byte for byte, to a place from which the log lies elsewhere.
        ("audit log", "audit_log.jsonl in the run's folder"),
        ("model, SHA-256 of its integrity manifest", dossier.model_root),
        ("run by", dossier.operator),
        ("declared by", dossier.declared_by),
    )
