"""The data governance report: what was measured about the data, and what is declared for Article 10(2) to (4)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forgelm.data.rows import Row, RowFormat, Source, text_of
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Outline, said
from forgelm.evidence.documents.page import Facts, Page, Paragraph, Section, Table, blocks_of


def build_data_governance(dossier: Outline) -> Document:
    """Return the report; a dataset audit lying in the run folder is inlined with its digest."""
    config, audit = dossier.run.config, dossier.audit
    record: dict[str, Any] = dossier.head() | {
        "primary_dataset": config.data.dataset_name_or_path,
        "splits": dict(_splits(dossier)),
        "article_10": _article_10(dossier),
        "data_audit_inlined": audit is not None and audit.problem is None,
    }
    if config.data.governance is not None:
        record["governance"] = config.data.governance.model_dump(mode="json")
    if audit is not None:
        record["data_audit_sha256"] = audit.sha256
        record["data_audit_covers_training_data"] = audit.covers(_digests(dossier.run.prepared.sources))
        if audit.problem:
            record["data_audit_problem"] = audit.problem
        else:
            record["data_audit"] = audit.report
    return Document(
        "data_governance_report",
        "Data governance",
        "What the data is, how it was examined, and what is declared about it.",
        "Article 10(2) to (4)",
        record,
        _page(dossier, record),
    )


def _splits(dossier: Outline) -> Iterator[tuple[str, dict[str, Any]]]:
    prepared = dossier.run.prepared
    for name, rows in (("train", prepared.train), ("validation", prepared.validation)):
        if rows:
            yield name, _split_statistics(rows, prepared.format)


def _split_statistics(rows: Sequence[Row], row_format: RowFormat) -> dict[str, Any]:
    lengths = sorted(len(text_of(row)) for row in rows)
    return {
        "sample_count": len(rows),
        "columns": sorted(rows[0].value),
        "format": row_format,
        "text_length": {
            "min": lengths[0],
            "max": lengths[-1],
            "mean": round(statistics.fmean(lengths), 2),
            "median": statistics.median(lengths),
            "p95": lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))],
        },
    }


def _article_10(dossier: Outline) -> dict[str, dict[str, Any]]:
    """Return the points of the law with what is declared and what was measured for each."""
    declared, prepared = dossier.governance, dossier.run.prepared
    purposes = [item.original_purpose for item in declared.datasets if item.original_purpose]
    needs_purpose = declared.personal_data_included and not purposes
    return {
        "10(2)(a)": _point("design choices", declared.design_choices),
        "10(2)(b)": _point(
            "collection, origin, and original purpose of personal data",
            declared.collection_method,
            measured={"sources": [_origin(source) for source in prepared.sources]},
            lacking="the original purpose of the personal data" if needs_purpose else None,
        )
        | {"original_purposes": purposes},
        "10(2)(c)": _point(
            "preparation: annotation, labelling, cleaning, enrichment, aggregation",
            declared.annotation_process,
            measured={
                "clean_text": dossier.run.config.data.clean_text,
                "rows_left_out": len(prepared.skipped),
                "canary_rows_planted": sum(source.rows for source in prepared.sources if source.kind == "planted"),
                "before_this_run": said(declared.data_preparation),
            },
        ),
        "10(2)(d)": _point("assumptions: what the data measures and represents", declared.assumptions),
        "10(2)(e)": _point(
            "availability, quantity and suitability",
            declared.suitability,
            measured={"train_rows": len(prepared.train), "tokens_used": dossier.consumption.tokens_used},
        ),
        "10(2)(f)": _point("examination for biases", declared.bias_examination or said(declared.known_biases)),
        "10(2)(g)": _point("measures against biases", declared.bias_measures),
        "10(2)(h)": _point("gaps and shortcomings, and how they are addressed", declared.gaps),
        "10(3)": _point(
            "relevant, representative, free of errors and complete as far as possible",
            declared.representativeness,
            measured=_audited(dossier),
        ),
        "10(4)": _point("geographical, contextual, behavioural, functional setting", declared.setting),
    }


def _audited(dossier: Outline) -> dict[str, Any] | None:
    """Return the audit's outcome in short; its findings stand in a section of their own."""
    audit = dossier.audit
    if audit is None or audit.problem:
        return None
    return {"audit": audit.report.get("verdict"), "rows_audited": audit.report.get("total_samples")}


def _point(
    title: str, text: str | None, *, measured: Mapping[str, Any] | None = None, lacking: str | None = None
) -> dict[str, Any]:
    declared = said(text)
    status = "missing" if declared is None or lacking else "declared"
    return {
        "title": title,
        "status": status,
        "declared": declared,
        "measured": measured,
        "lacking": lacking or (None if declared else "nothing is declared"),
    }


def _origin(source: Source) -> dict[str, Any]:
    revision = source.fingerprint.get("hf_revision") or source.fingerprint.get("sha256")
    return {"name": source.name, "kind": source.kind, "rows": source.rows, "pinned_by": revision}


def _digests(sources: Sequence[Source]) -> list[str]:
    """Return the digest of every local file that was read."""
    found = []
    for source in sources:
        files = source.fingerprint.get("files") or [source.fingerprint]
        found += [item["sha256"] for item in files if isinstance(item, dict) and item.get("sha256")]
    return found


def _page(dossier: Outline, record: dict[str, Any]) -> Page:
    points = tuple(
        (key, point["title"], point["declared"] or f"missing: {point['lacking']}", point["measured"])
        for key, point in record["article_10"].items()
    )
    sections = [
        Section("The points of Article 10", (Table(("point", "about", "declared", "measured"), points),)),
        Section("The data, split by split", blocks_of(record["splits"])),
    ]
    declared = [item.model_dump(mode="json", exclude_defaults=True) for item in dossier.governance.datasets]
    if declared:
        sections.append(Section("Declared about each dataset", blocks_of(declared)))
    audit = dossier.audit
    if audit is None:
        sections.append(Section("Dataset audit", (Paragraph("No dataset audit lay in the run folder."),)))
    else:
        covers = record["data_audit_covers_training_data"]
        same = "not known" if covers is None else covers
        facts = (("report", audit.file), ("SHA-256", audit.sha256), ("saw the bytes that were trained on", same))
        sections.append(Section("Dataset audit", (Facts(facts), *blocks_of(audit.findings))))
    lead = "Measured values come from this run; declared ones are the provider's and were not checked."
    return Page("Data governance", (lead,), tuple(sections), dossier.foot)
