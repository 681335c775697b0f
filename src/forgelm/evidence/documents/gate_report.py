"""The test report (Annex IV, point 2(g)): every gate with its value and limit, dated, with a place for a signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from forgelm.base.files import to_json_safe
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.documents.page import Bullets, Facts, Mark, Page, Section, Table
from forgelm.evidence.report_signature import REPORT_SIGNATURE
from forgelm.gate.verdict import GateResult, GateStatus

_COLUMNS = ("name", "value", "interval", "unit", "n", "base model", "interval of the change", "problem")
_MEASURED_BY = MappingProxyType({"loss": "eval_loss", "reward": "eval_reward"})


def build_test_report(dossier: Dossier) -> Document:
    """Return the report of every test this run made."""
    run = dossier.run
    verdict, prepared = run.verdict, run.prepared
    record: dict[str, Any] = dossier.head() | {
        "date": dossier.generated_at.date().isoformat(),
        "responsible": {"name": dossier.declared_by, "operator": dossier.operator},
        "signature": {
            "state": "not part of this file",
            "detached_file": REPORT_SIGNATURE,
            "covers": "the bytes of this file",
        },
        "model": {
            "base_model": run.config.model.name_or_path,
            "integrity_manifest_sha256": dossier.model_root,
            "config_hash": run.config.config_hash,
        },
        "passed": verdict.passed,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "gates": [_gate(gate, dossier) for gate in verdict.gates],
        "measurements": to_json_safe([item.as_record() for item in run.measurements]),
        "files": dict(run.evaluation_files),
        "test_data": {
            "origin": prepared.validation_origin,
            "rows": len(prepared.validation or ()),
            "notes": [note for note in prepared.notes if "validation" in note],
        },
        "log": "audit_log.jsonl, the lines of this run",
        "limits": _limits(dossier),
    }
    return Document(
        "test_report",
        "Test report",
        "What was tested, on how much, with which limit and which outcome.",
        "Annex IV, point 2(g)",
        record,
        _page(dossier, record),
    )


def gate_mark(status: str) -> Mark:
    """Return a gate's status as a word that stands out."""
    if status == GateStatus.PASSED:
        return Mark("passed", "good")
    return Mark(status.replace("_", " "), "bad" if status == GateStatus.FAILED else "open")


def outcome_mark(outcome: str) -> Mark:
    """Return a verdict's outcome, in either case, as a word that stands out."""
    known = outcome.lower()
    return Mark(outcome, "good" if known == "passed" else "bad" if known == "failed" else "open")


def show_limit(limit: float | None) -> float | str:
    """Return a gate's limit, or that there is none."""
    return "none" if limit is None else limit


def _gate(gate: GateResult, dossier: Dossier) -> dict[str, Any]:
    name = _MEASURED_BY.get(gate.gate, gate.gate)
    measured = next((item for item in dossier.run.measurements if item.name == name), None)
    return gate.as_record() | {
        "unit": measured.unit if measured else None,
        "n": measured.n if measured else 0,
        "baseline": measured.baseline if measured else None,
    }


def _limits(dossier: Dossier) -> list[str]:
    """Return what these tests cannot show."""
    found = [
        "The tests look at the model as it was saved, on the machine that trained it.",
        "A loss says how well held-out rows are predicted, not whether an answer is right, safe or fair.",
        "No group of persons was tested apart.",
    ]
    if not dossier.run.prepared.validation:
        found.append("There were no validation rows: the loss was not measured.")
    if not dossier.run.verdict.gates:
        found.append("No gate was set: nothing could fail.")
    return found


def _page(dossier: Dossier, record: dict[str, Any]) -> Page:
    gates = tuple(
        (
            *(gate["gate"], gate_mark(gate["status"]), gate["reason"], gate["value"]),
            *(show_limit(gate["limit"]), gate["n"], gate["unit"]),
        )
        for gate in record["gates"]
    )
    measured = tuple(
        (
            *(item["name"], item["value"], _show_interval(item["details"].get("interval")), item["unit"], item["n"]),
            *(item["baseline"], _show_interval(item["details"].get("change_interval")), item["problem"] or "none"),
        )
        for item in record["measurements"]
    )
    about = (
        ("date", record["date"]),
        ("responsible", record["responsible"]["name"]),
        ("run by", record["responsible"]["operator"]),
        ("signature", f"detached, in {REPORT_SIGNATURE} when there is one; this page is not signed"),
        ("model, SHA-256 of its integrity manifest", dossier.model_root),
        ("base model", record["model"]["base_model"]),
        ("configuration", record["model"]["config_hash"]),
        ("validation rows", f"{record['test_data']['rows']}, {record['test_data']['origin']}"),
        ("log", record["log"]),
    )
    return Page(
        "Test report",
        (
            outcome_mark(record["outcome"]),
            record["reason"] or "Every gate passed.",
        ),
        (
            Section("About this report", (Facts(about),)),
            Section("Gates", (Table(("gate", "outcome", "reason", "value", "limit", "n", "unit"), gates),)),
            Section("Measurements", (Table(_COLUMNS, measured),)),
            *_by_source(record["measurements"]),
            Section("What these tests do not show", (Bullets(tuple(record["limits"])),)),
        ),
        dossier.foot,
    )


def _by_source(measurements: Sequence[Mapping[str, Any]]) -> tuple[Section, ...]:
    rows = tuple(
        (item["name"], source, found["value"], found["baseline"], found["n"])
        for item in measurements
        for source, found in item["details"].get("slices", {}).items()
    )
    if not rows:
        return ()
    return (Section("By source of the rows", (Table(("name", "source", "value", "base model", "n"), rows),)),)


def _show_interval(interval: Mapping[str, Any] | None) -> str:
    if interval is None:
        return "none"
    return f"{interval['low']:.4g} to {interval['high']:.4g} ({interval['level']:.0%}, {interval['samples']} rows)"
