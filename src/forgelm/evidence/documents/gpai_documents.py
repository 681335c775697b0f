"""The items about a general-purpose model as documents: Annex XI, and the documentation form in its three views."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.documents.gpai_items import Item, Recipient, list_items
from forgelm.evidence.documents.page import Mark, Page, Section, Table

_POINTS = MappingProxyType(
    {
        "1(a)": "Tasks, and AI systems it can be integrated into",
        "1(b)": "Acceptable use policies",
        "1(c)": "Date of release and methods of distribution",
        "1(d)": "Architecture and number of parameters",
        "1(e)": "Modality and format of inputs and outputs",
        "1(f)": "Licence",
        "2(a)": "Technical means of integration",
        "2(b)": "Design specifications and training process",
        "2(c)": "Data: type, provenance, curation, number, scope, selection",
        "2(d)": "Computational resources, training time",
        "2(e)": "Energy consumption",
    }
)
_VIEWS: MappingProxyType[Recipient, str] = MappingProxyType(
    {
        "ai_office": "the AI Office, on its request",
        "national_authorities": "national competent authorities, through the AI Office",
        "downstream": "providers who build on the model",
    }
)
_SCOPE = "Limited to this modification of the base model (recital 109)."


def build_annex_xi(dossier: Dossier) -> Document:
    """Return the technical documentation of Article 53(1)(a), by the points of Annex XI, section 1."""
    items = list_items(dossier)
    points = {
        key: {"title": title, "items": [item.as_record() for item in items if item.annex_xi == key]}
        for key, title in _POINTS.items()
    }
    record = dossier.head() | {"scope": _SCOPE, "section_1": points, "missing": _missing(items, only_annex=True)}
    sections = tuple(
        Section(f"{key} {title}", (_table([item for item in items if item.annex_xi == key]),))
        for key, title in _POINTS.items()
    )
    return Document(
        "annex_xi",
        "Annex XI, section 1",
        "Technical documentation of the model as a general-purpose AI model.",
        "Article 53(1)(a), Annex XI",
        record,
        Page("Annex XI, section 1", (_SCOPE,), sections, dossier.foot),
    )


def build_documentation_form(dossier: Dossier) -> tuple[Document, ...]:
    """Return the form with every item, and a view of it for each recipient."""
    items = list_items(dossier)
    whole = Document(
        "model_documentation_form",
        "Model documentation form",
        "Every item of the form with its recipients; the views below hold what each of them may see.",
        "GPAI Code of Practice, transparency",
        dossier.head() | {"scope": _SCOPE, "items": [item.as_record() for item in items], "missing": _missing(items)},
    )
    return (whole, *(_view(dossier, items, recipient) for recipient in _VIEWS))


def _view(dossier: Dossier, items: Sequence[Item], recipient: Recipient) -> Document:
    seen = [item for item in items if recipient in item.recipients]
    blocks = dict.fromkeys(item.block for item in seen)
    title = f"Model documentation for {_VIEWS[recipient].partition(',')[0]}"
    sections = tuple(Section(block, (_table([item for item in seen if item.block == block]),)) for block in blocks)
    return Document(
        f"model_documentation_{recipient}",
        title,
        f"What the form holds for {_VIEWS[recipient]}.",
        "GPAI Code of Practice, transparency",
        dossier.head() | {"recipient": recipient, "scope": _SCOPE, "items": [item.as_record() for item in seen]},
        Page(title, (_SCOPE, f"For {_VIEWS[recipient]}."), sections, dossier.foot),
    )


def _table(items: Sequence[Item]) -> Table:
    return Table(("item", "value", "known by"), tuple((item.title, item.value, _mark(item)) for item in items))


def _mark(item: Item) -> Any:
    return Mark("missing", "open") if item.status == "missing" else item.status


def _missing(items: Sequence[Item], *, only_annex: bool = False) -> list[str]:
    return [item.title for item in items if item.status == "missing" and (item.annex_xi or not only_annex)]
