"""Annex IV by the law's own items: each evidenced, declared, not applicable or missing, with a count of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_bytes
from forgelm.config.declarations import Statement
from forgelm.evidence.documents.annex_iv_form import STATUSES, count, manifest_hash, resolve_pointer, weakest
from forgelm.evidence.documents.annex_iv_items import ITEMS, ItemRule
from forgelm.evidence.documents.document import Document, encode_json
from forgelm.evidence.documents.dossier import KEEP, Outline, said
from forgelm.evidence.documents.page import Facts, Link, Mark, Page, Section, Table
from forgelm.evidence.report_signature import REPORT_SIGNATURE

APPLICATION = (
    "Duties for high-risk systems apply from 2 December 2027 (Annex III) and 2 August 2028 (Annex I), as amended by "
    "Regulation (EU) 2026/1744."
)
_LONGEST_ATTACHMENT = 50 << 20


def is_described(dossier: Outline) -> bool:
    """Whether the section ``compliance`` says enough about a system to document it."""
    found = dossier.run.config.compliance
    return found is not None and any(
        text.strip() for text in (found.provider_name, found.system_name, found.intended_purpose)
    )


def read_attachments(statements: Mapping[Any, Statement]) -> dict[str, bytes]:
    """Return the documents that belong to statements, by the name they get among the run's documents.

    Raises:
        ConfigError: one cannot be read, is empty or is no document's size.
    """
    found = {}
    for key, statement in statements.items():
        if statement.file is None:
            continue
        path = Path(statement.file)
        try:
            content = path.read_bytes() if path.stat().st_size <= _LONGEST_ATTACHMENT else None
        except OSError as error:
            raise ConfigError(
                f"compliance.annex_iv.{key}.file: {path} cannot be read: {error.strerror or error}",
                hint=f"relative paths start at {Path.cwd()}",
            ) from error
        if not content:
            what = "is empty" if content is not None else f"is larger than {_LONGEST_ATTACHMENT >> 20} MiB"
            raise ConfigError(f"compliance.annex_iv.{key}.file: {path} {what}")
        found[attachment_name(key, statement)] = content
    return found


def attachment_name(key: str, statement: Statement) -> str:
    """Return the name an attached document gets: the item and its own ending."""
    return f"annex_iv_{key}{Path(statement.file or '').suffix.lower()}"


def build_annex_iv(dossier: Outline, files: Mapping[str, bytes]) -> Document:
    """Return the documentation; ``files`` are the other documents, which evidence points to by digest."""
    built = {key: _build_item(key, rule, dossier, files) for key, rule in ITEMS.items()}
    coverage = count(built)
    record = _contract_keys(dossier, files) | {
        "law": {"text": "Regulation (EU) 2024/1689, Annex IV", "application": APPLICATION, "keep": KEEP},
        "coverage": coverage,
        "items": group(built),
    }
    # The hash is over what the file will say: credentials in declared text are gone from it.
    record["metadata"] = {"manifest_hash": manifest_hash(json.loads(encode_json(record)))}
    return Document(
        "annex_iv_metadata",
        "Technical documentation by Annex IV",
        "Every item the law lists, with where its evidence is or that it is missing.",
        "Article 11, Annex IV",
        record,
        _page(dossier, built, coverage),
    )


def group(items: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items with the letters of point 1 under it, whose status is the weakest of theirs."""
    parts = {key: item for key, item in items.items() if key.startswith("1")}
    first = {
        "title": "General description of the AI system",
        "status": weakest([str(item["status"]) for item in parts.values()]),
        "parts": parts,
    }
    return {"1": first} | {key: item for key, item in items.items() if key not in parts}


def _build_item(key: str, rule: ItemRule, dossier: Outline, files: Mapping[str, bytes]) -> dict[str, Any]:
    stated = dossier.statements.get(key)
    item: dict[str, Any] = {
        "title": rule.title,
        "status": "missing",
        # A plan is evidence of nothing yet.
        "evidence": _point(rule, files) if dossier.run.run_id else [],
        "declaration": None,
    }
    who = _signed(stated, dossier)
    if stated is not None and stated.not_applicable:
        return item | {"status": "not_applicable", "declaration": {"statement": stated.not_applicable, **who}}
    text, lacking = (stated.statement, ()) if stated else rule.derive(dossier) if rule.derive else (None, ())
    if text is not None:
        item["declaration"] = {"statement": text, **who, **_attached(key, stated, files)}
    if rule.asks is None:
        item["status"] = "evidenced" if item["evidence"] else "missing"
    elif text is not None and (not rule.needs_file or (stated and stated.file)):
        item["status"] = "declared"
    if item["status"] == "missing":
        item["lacking"] = list(lacking) or [rule.asks or "the record it points to"]
    if open_points := _open_points(key, dossier, item):
        item["open"] = open_points
    return item


def _signed(stated: Statement | None, dossier: Outline) -> dict[str, str]:
    by = stated.declared_by if stated and stated.declared_by else dossier.declared_by
    on: date = stated.declared_on if stated and stated.declared_on else dossier.declared_on
    return {"by": by, "on": on.isoformat()}


def _attached(key: str, stated: Statement | None, files: Mapping[str, bytes]) -> dict[str, str]:
    if stated is None or stated.file is None:
        return {}
    name = attachment_name(key, stated)
    return {"document": name, "sha256": sha256_bytes(files[name])}


def _point(rule: ItemRule, files: Mapping[str, bytes]) -> list[dict[str, str]]:
    found = []
    for place in rule.records:
        content = files.get(place.document)
        if content is None:
            continue
        try:
            there = resolve_pointer(json.loads(content), place.pointer)
        except LookupError:
            continue
        if there:
            found.append({"document": place.document, "pointer": place.pointer, "sha256": sha256_bytes(content)})
    return found


def _open_points(key: str, dossier: Outline, item: Mapping[str, Any]) -> list[str]:
    """Return what a reader of an item that is not missing should still know."""
    if key != "2g" or item["status"] == "missing":
        return []
    found = [f"the test report is dated but not signed by itself: see {REPORT_SIGNATURE}, when there is one"]
    return found if dossier.run.prepared.validation else [*found, "there were no validation rows"]


def _contract_keys(dossier: Outline, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the keys that readers of this file know from the contract, filled from the same facts."""
    found, report = dossier.compliance, json.loads(files["compliance_report.json"])
    identity = {
        "provider_name": found.provider_name,
        "provider_contact": found.provider_contact,
        "system_name": found.system_name,
        "system_version": found.system_version,
        "intended_purpose": found.intended_purpose,
        "risk_classification": found.risk_classification,
    }
    return {
        "system_identification": identity,
        "intended_purpose": found.intended_purpose,
        "system_components": {key: report[key] for key in ("model_lineage", "training_parameters")},
        "computational_resources": {"resource_usage": report["resource_usage"], "compute": report["compute"]},
        "data_governance": report["data_provenance"],
        "technical_documentation": dossier.head() | {"known_limitations": said(found.known_limitations)},
        "monitoring_and_logging": {"audit_log": "audit_log.jsonl", "covers": "the training, not the system in use"},
        "performance_metrics": report["evaluation_results"]["metrics"],
        "risk_management": report.get("risk_assessment"),
        "provider_metadata": identity | {"known_limitations": found.known_limitations},
    }


_TONES = {"missing": "bad", "declared": "open", "evidenced": "good", "not_applicable": "open"}


def _page(dossier: Outline, items: Mapping[str, dict[str, Any]], coverage: Mapping[str, int]) -> Page:
    rows = tuple(
        (key, item["title"], Mark(str(item["status"]).replace("_", " "), _tone(item["status"])), _describe(item))
        for key, item in items.items()
    )
    counts = ", ".join(f"{coverage[status]} {status.replace('_', ' ')}" for status in STATUSES)
    lead = f"Of {coverage['total']} items: {counts}."
    about = (
        ("system", said(dossier.compliance.system_name)),
        ("provider", said(dossier.compliance.provider_name)),
        ("version", said(dossier.compliance.system_version)),
        ("declared by", dossier.declared_by),
        ("declared on", dossier.declared_on),
        ("application", APPLICATION),
        ("keep", KEEP),
    )
    return Page(
        "Technical documentation by Annex IV",
        (
            lead,
            "Evidenced: a record of this run, pinned by its digest. Declared: a person says so. Both can be checked.",
        ),
        (Section("About", (Facts(about),)), Section("Items", (Table(("item", "asks for", "status", "where"), rows),))),
        dossier.foot,
    )


def _tone(status: str) -> Any:
    return _TONES[status]


def _describe(item: Mapping[str, Any]) -> list[str | Link]:
    lines: list[str | Link] = [
        Link(f"{place['document']}{'#' if place['pointer'] else ''}{place['pointer']}", place["document"])
        for place in item["evidence"]
    ]
    declared = item["declaration"]
    if declared:
        lines.append(f"{declared['by']}, {declared['on']}: {declared['statement']}")
        if "document" in declared:
            lines.append(Link(declared["document"], declared["document"]))
    lines += [f"lacking: {name}" for name in item.get("lacking", ())]
    return lines + [f"open: {name}" for name in item.get("open", ())]
