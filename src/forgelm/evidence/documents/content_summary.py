"""The public summary of training content (Article 53(1)(d)), from the tokens each dataset really contributed.

Sections and numbers are those of the Commission's template, C(2025) 8311, limited to this modification.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from forgelm.data.rows import Source
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier, said
from forgelm.evidence.documents.page import Block, Facts, Page, Paragraph, Section, Table
from forgelm.train.consumption import SourceTokens

_SECTIONS = MappingProxyType(
    {
        "public": "2.1 Publicly available datasets",
        "licensed": "2.2.1 Private datasets licensed from rights holders",
        "private": "2.2.2 Other private datasets",
        "crawled": "2.3 Data crawled and scraped from online sources",
        "user_data": "2.4 User data",
        "synthetic": "2.5 Synthetic data",
        "other": "2.6 Other sources",
    }
)
_UNDECLARED = "Datasets whose section nobody declared"
_BILLION, _TRILLION = 10**9, 10**12
_LISTED_ABOVE = 0.03


def size_bin(tokens: int) -> str:
    """Return the template's bin for an amount of text."""
    if tokens < _BILLION:
        return "less than 1 billion tokens"
    return "1 billion to 10 trillion tokens" if tokens <= 10 * _TRILLION else "more than 10 trillion tokens"


def build_content_summary(dossier: Dossier) -> Document:
    """Return the summary. Exact figures stand beside the template's bins."""
    sources = _list_sources(dossier)
    compliance, gpai, consumed = dossier.compliance, dossier.gpai, dossier.consumption
    record: dict[str, Any] = dossier.head() | {
        "scope": f"this modification of {dossier.public_name(dossier.lineage.root)} only (recital 109)",
        "document": {
            "version": said(compliance.system_version),
            "last_update": dossier.generated_at.date().isoformat(),
            "previous": gpai.previous_summary,
            "next_update": "at the latest in six months, or with the next material change",
        },
        "1.1": {
            "provider": said(compliance.provider_name),
            "contact": said(compliance.provider_contact),
            "authorised_representative": gpai.authorised_representative,
        },
        "1.2": {
            "model": " ".join(filter(None, (said(compliance.system_name), said(compliance.system_version)))) or None,
            "depends_on": dossier.public_name(dossier.lineage.root),
            "union_market_date": gpai.union_market_date,
        },
        "1.3": {
            "modality": "text",
            "size": size_bin(consumed.tokens_used),
            "tokens": consumed.tokens_used,
            "tokens_with_repetition": consumed.tokens_trained,
            "exact": consumed.exact,
            "note": consumed.note,
            "content_types": sorted({item["content"] for item in sources if item["content"]}),
            "languages": sorted({language for item in sources for language in item["languages"]}),
            "latest_acquisition": max((item["acquired_on"] for item in sources if item["acquired_on"]), default=None),
        },
        "2": {
            title: [item for item in sources if item["category"] == category]
            for category, title in (*_SECTIONS.items(), (None, _UNDECLARED))
        },
        "3.1": {
            "copyright_policy": gpai.copyright_policy,
            "code_of_practice_signatory": gpai.code_of_practice_signatory,
            "opt_outs": {item["name"]: item["opt_out"] for item in sources if item["opt_out"]},
        },
        "3.2": {"illegal_content": gpai.illegal_content_measures},
        "3.3": {"other": said(dossier.governance.data_preparation)},
    }
    record["missing"] = _missing(record)
    return Document(
        "training_content_summary",
        "Public summary of training content",
        "What the model was fine-tuned on, dataset by dataset, by tokens that were really consumed.",
        "Article 53(1)(d)",
        record,
        _page(dossier, record),
        markdown=True,
    )


def _list_sources(dossier: Dossier) -> list[dict[str, Any]]:
    tokens = {item.source: item for item in dossier.consumption.sources}
    public = sum(
        item.tokens_used
        for item in dossier.consumption.sources
        if (declared := dossier.dataset(item.source)) is not None and declared.category == "public"
    )
    return [_describe(dossier, source, tokens.get(source.name), public) for source in dossier.run.prepared.sources]


def _describe(dossier: Dossier, source: Source, counted: SourceTokens | None, public: int) -> dict[str, Any]:
    declared = dossier.dataset(source.name)
    used = counted.tokens_used if counted else 0
    category = declared.category if declared else None
    listed = used / public > _LISTED_ABOVE if category == "public" and public else None
    return {
        "name": dossier.public_name(source.name),
        "category": category,
        "kind": source.kind,
        "link": declared.link if declared else None,
        "licence": declared.licence if declared else None,
        "content": declared.content if declared else None,
        "languages": list(declared.languages) if declared else [],
        "acquired_on": declared.acquired_on.isoformat() if declared and declared.acquired_on else None,
        "obtained": declared.obtained if declared else None,
        "opt_out": declared.opt_out if declared else None,
        "generated_by": list(declared.generated_by) if declared else [],
        "crawler": declared.crawler if declared else None,
        "domains": list(declared.domains) if declared else [],
        "service": declared.service if declared else None,
        "rows_used": counted.rows_used if counted else 0,
        "tokens_used": used,
        "tokens_trained": counted.tokens_trained if counted else 0,
        "share": counted.share if counted else 0.0,
        "above_3_percent_of_public": listed,
        "pinned_by": source.fingerprint.get("hf_revision") or source.fingerprint.get("sha256"),
    }


def _missing(record: dict[str, Any]) -> list[str]:
    """Return what the template asks for and nobody declared."""
    wanted = (("1.1", "provider"), ("1.1", "contact"), ("1.2", "model"), ("1.2", "union_market_date"))
    found = [f"{section} {key.replace('_', ' ')}" for section, key in wanted if record[section][key] is None]
    found += [f"section of {item['name']}" for item in record["2"][_UNDECLARED]]
    summary = record["1.3"]
    found += [
        f"1.3 {key.replace('_', ' ')}"
        for key in ("content_types", "languages", "latest_acquisition")
        if not summary[key]
    ]
    found += [
        f"2.5 models that generated {i['name']}" for i in record["2"][_SECTIONS["synthetic"]] if not i["generated_by"]
    ]
    found += [f"2.3 crawler of {i['name']}" for i in record["2"][_SECTIONS["crawled"]] if not i["crawler"]]
    found += [f"2.4 service of {i['name']}" for i in record["2"][_SECTIONS["user_data"]] if not i["service"]]
    found += ["3.1 copyright policy"] if record["3.1"]["copyright_policy"] is None else []
    return found + (["3.2 illegal content"] if record["3.2"]["illegal_content"] is None else [])


def _page(dossier: Dossier, record: dict[str, Any]) -> Page:
    def facts(key: str) -> Facts:
        return Facts(tuple((name.replace("_", " "), value) for name, value in record[key].items()))

    sections = [
        Section("Document", (facts("document"),)),
        Section("1.1 Provider", (facts("1.1"),)),
        Section("1.2 Model", (facts("1.2"),)),
        Section("1.3 Modalities, size and characteristics", (facts("1.3"),)),
    ]
    for title, sources in record["2"].items():
        if sources or title != _UNDECLARED:
            sections.append(Section(title, _table(sources)))
    sections += [
        Section("3.1 Rights reservations", (facts("3.1"),)),
        Section("3.2 Removal of illegal content", (facts("3.2"),)),
        Section("3.3 Other", (facts("3.3"),)),
    ]
    lead = f"Covers {record['scope']}. Token counts come from the run; everything else was declared by the provider."
    return Page("Public summary of training content", (lead,), tuple(sections), dossier.foot)


def _table(sources: list[dict[str, Any]]) -> tuple[Block, ...]:
    if not sources:
        return (Paragraph("None."),)
    hidden = {"category", "kind", "name", "tokens_used", "share", "tokens_trained", "rows_used"}
    rows = tuple(
        (
            item["name"],
            item["tokens_used"],
            f"{item['share']:.1%}",
            {key: value for key, value in item.items() if key not in hidden and value not in (None, [], "")},
        )
        for item in sources
    )
    return (Table(("dataset", "tokens", "share of training", "about it"), rows),)
