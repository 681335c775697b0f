"""The deployer's instructions: seven sections, with the items that Article 13(3) lists under the one they belong to."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.files import write_bytes
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import KEEP, Dossier, said
from forgelm.evidence.documents.page import Bullets, Facts, Page, Paragraph, Section

UNSAID = "Not specified"
# The points of Article 13(3) that each section answers.
_POINTS = MappingProxyType(
    {
        "System identity": "(a)",
        "Intended purpose": "(b)(i), (vi)",
        "Known limitations": "(b)(iii) to (v), (vii)",
        "Measured performance": "(b)(ii)",
        "Human oversight": "(d)",
        "Hardware, lifetime and upkeep": "(c), (e), (f)",
        "Reporting incidents": "(a)",
    }
)


def build_instructions(dossier: Dossier) -> Document:
    """Return the instructions; what nobody declared reads "Not specified" and is listed as missing."""
    sections = _sections(dossier)
    missing = [f"{title}: {name}" for title, rows in sections.items() for name, value in rows.items() if value is None]
    record = dossier.head() | {"sections": sections, "article_13_3": dict(_POINTS), "missing": missing}
    return Document(
        "deployer_instructions",
        "Instructions for deployers",
        "What whoever deploys the model must know before using it.",
        "Article 13(3)",
        record,
        _page(dossier, sections),
        markdown=True,
    )


def write_instructions(folder: Path, dossier: Dossier) -> Path:
    """Write ``deployer_instructions.md`` into a model folder, so that they travel with the model."""
    name = "deployer_instructions.md"
    return write_bytes(folder / name, build_instructions(dossier).files()[name])


def _sections(dossier: Dossier) -> dict[str, dict[str, Any]]:
    run, compliance, risk = dossier.run, dossier.compliance, dossier.risk
    misuse = [text for text in risk.foreseeable_misuse if said(text)]
    return {
        "System identity": {
            "System": said(compliance.system_name),
            "Version": said(compliance.system_version),
            "Provider": said(compliance.provider_name),
            "Contact": said(compliance.provider_contact),
            "Base model": run.config.model.name_or_path,
            "Method": run.loaded.adapter_method,
            "Run": run.run_id,
        },
        "Intended purpose": {"Purpose": said(compliance.intended_purpose), "Input": _describe_input(dossier)},
        "Known limitations": {
            "Limitations": said(compliance.known_limitations),
            "It should not be used for": misuse or None,
            "Explaining its output": _stated(dossier, "3"),
            "Performance for groups of persons": "No group was measured apart.",
        },
        "Measured performance": {name: round(value, 4) for name, value in run.metrics.items()},
        "Human oversight": {
            "Measures": _stated(dossier, "2e"),
            "Before deployment": "A person able to override or stop the system must be named.",
            "In use": "Outputs must be checked where a mistake could harm someone.",
            "A person's approval was needed for release": bool(
                run.config.evaluation and run.config.evaluation.require_human_approval
            ),
        },
        "Hardware, lifetime and upkeep": {
            "Trained on": f"{run.loaded.hardware.device}; loads in {run.loaded.precision.load_dtype}",
            "Needed hardware": said(dossier.gpai.required_hardware) or _stated(dossier, "1e"),
            "Changes planned in advance": _stated(dossier, "2f"),
            "Lifetime and maintenance": _stated(dossier, "9"),
            "Logs": f"ForgeLM logs the training, not the use of the model: a deployer collects those logs. {KEEP}",
        },
        "Reporting incidents": {"Report malfunctions to": said(compliance.provider_contact)},
    }


def _stated(dossier: Dossier, item: str) -> str | None:
    """Return what was stated on an item of Annex IV, or why it does not apply."""
    found = dossier.statements.get(item)
    if found is None:
        return None
    return found.statement or f"Does not apply: {found.not_applicable}"


def _describe_input(dossier: Dossier) -> str:
    run = dossier.run
    template = run.tokenised.encoding.template
    shape = "conversations in the model's chat template" if template else "plain text"
    return f"Text, as {shape}, of up to {run.config.model.max_length} tokens in training; answers are text."


def _page(dossier: Dossier, sections: dict[str, dict[str, Any]]) -> Page:
    shown = []
    for number, (title, rows) in enumerate(sections.items(), 1):
        facts = tuple((name, UNSAID if value is None else value) for name, value in rows.items())
        plain = Facts(tuple((name, value) for name, value in facts if not isinstance(value, list)))
        lists = [
            Bullets(tuple(f"{name}: {item}" for item in value)) for name, value in facts if isinstance(value, list)
        ]
        shown.append(Section(f"{number}. {title}", (plain, *lists, Paragraph(f"Article 13(3){_POINTS[title]}"))))
    lead = "From the provider's declarations and this run's measurements. Items nobody declared read \"Not specified\"."
    return Page("Instructions for deployers", (lead,), tuple(shown), dossier.foot)
