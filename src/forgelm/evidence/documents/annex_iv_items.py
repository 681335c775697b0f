"""The items of Annex IV of Regulation (EU) 2024/1689 as a table: what each asks, and what a run knows about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from forgelm.evidence.documents.dossier import Outline, all_said, said

# What a rule finds in the configuration: the declaration as one text, or None, and the names of what is lacking.
Derive = Callable[[Outline], tuple[str | None, tuple[str, ...]]]


@dataclass(frozen=True)
class Pointer:
    """A place in another document of the run: its file, and where in it (a JSON pointer, RFC 6901; "" is all of it)."""

    document: str
    pointer: str = ""


@dataclass(frozen=True)
class ItemRule:
    """One item. ``asks`` names what a person must state, ``None`` where the machine's records are enough.

    ``derive`` reads that statement from other sections of the configuration, where they hold it.
    """

    title: str
    records: tuple[Pointer, ...] = ()
    asks: str | None = None
    derive: Derive | None = None
    needs_file: bool = False


def _identity(dossier: Outline) -> tuple[str | None, tuple[str, ...]]:
    found = dossier.compliance
    return all_said(
        {
            "intended purpose": found.intended_purpose,
            "provider": found.provider_name,
            "system": found.system_name,
            "version": found.system_version,
            "relation to earlier versions": found.previous_versions,
        }
    )


def _hardware(dossier: Outline) -> tuple[str | None, tuple[str, ...]]:
    return all_said({"required hardware": dossier.gpai.required_hardware})


def _design(dossier: Outline) -> tuple[str | None, tuple[str, ...]]:
    return all_said({"design choices and their rationale": dossier.gpai.design_choices})


def _datasheet(dossier: Outline) -> tuple[str | None, tuple[str, ...]]:
    found = dossier.governance
    return all_said(
        {"how the data was obtained": found.collection_method, "how it was labelled": found.annotation_process}
    )


def _risks(dossier: Outline) -> tuple[str | None, tuple[str, ...]]:
    found = dossier.risk
    misuse = "; ".join(text for text in found.foreseeable_misuse if said(text))
    measures = "; ".join(text for text in found.mitigation_measures if said(text))
    return all_said({"intended use": found.intended_use, "foreseeable misuse": misuse, "measures": measures})


_REPORT = "compliance_report.json"
ITEMS: MappingProxyType[str, ItemRule] = MappingProxyType(
    {
        "1a": ItemRule(
            "Intended purpose, provider, version and its relation to earlier ones", asks="identity", derive=_identity
        ),
        "1b": ItemRule("Interaction with hardware, software and other AI systems", asks="a statement"),
        "1c": ItemRule("Versions of relevant software, and needs to update", (Pointer(_REPORT, "/environment"),)),
        "1d": ItemRule("Forms in which it is placed on the market or put into service", asks="a statement"),
        "1e": ItemRule("Hardware it is intended to run on", asks="required hardware", derive=_hardware),
        "1f": ItemRule("Photographs of products it is a component of", asks="a statement, or why it does not apply"),
        "1g": ItemRule("User interface provided to the deployer", asks="a statement"),
        "1h": ItemRule("Instructions for use", (Pointer("deployer_instructions.json", "/sections"),)),
        "2a": ItemRule(
            "Methods and steps of development; pre-trained and third-party components",
            (Pointer(_REPORT, "/model_lineage"), Pointer(_REPORT, "/training_parameters")),
        ),
        "2b": ItemRule(
            "Design specifications: general logic, key choices with rationale, what is optimised",
            (Pointer(_REPORT, "/training_parameters"),),
            asks="design choices and their rationale",
            derive=_design,
        ),
        "2c": ItemRule(
            "Architecture, and compute used to develop, train, test and validate",
            (Pointer(_REPORT, "/model_lineage"), Pointer("gpai_compute.json", "/this_run")),
        ),
        "2d": ItemRule(
            "Data sheets: provenance, scope, how obtained and selected, labelling, cleaning",
            (Pointer("data_provenance.json"), Pointer("data_governance_report.json", "/splits")),
            asks="how the data was obtained and labelled",
            derive=_datasheet,
        ),
        "2e": ItemRule("Assessment of the human oversight measures (Article 14)", asks="a statement"),
        "2f": ItemRule("Changes determined in advance", asks="a statement, or why it does not apply"),
        "2g": ItemRule(
            "Validation and testing: data, metrics, logs, dated and signed reports",
            (Pointer("test_report.json", "/measurements"), Pointer(_REPORT, "/evaluation_results")),
        ),
        "2h": ItemRule(
            "Cybersecurity measures", (Pointer(_REPORT, "/model_lineage/base_model_revision"),), asks="a statement"
        ),
        "3": ItemRule(
            "Monitoring, functioning and control: capabilities, limits, accuracy for groups, unintended outcomes, "
            "oversight, input",
            (Pointer("test_report.json", "/measurements"), Pointer("deployer_instructions.json", "/sections")),
            asks="a statement",
        ),
        "4": ItemRule(
            "Why the performance metrics are appropriate",
            (Pointer("test_report.json", "/measurements"),),
            asks="a statement",
        ),
        "5": ItemRule("Risk management system (Article 9)", asks="the risk assessment", derive=_risks),
        "6": ItemRule("Relevant changes through the lifecycle", asks="a statement, or why it does not apply"),
        "7": ItemRule("Harmonised standards applied, or the solutions used instead", asks="a statement"),
        "8": ItemRule("Copy of the EU declaration of conformity (Article 47)", asks="the declaration", needs_file=True),
        "9": ItemRule("Post-market monitoring system and plan (Article 72)", asks="a statement or the plan"),
    }
)
