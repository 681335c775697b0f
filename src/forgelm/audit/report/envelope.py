"""A report to the JSON that ``forgelm audit --output-format json`` prints, flattened for orchestrators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forgelm.audit.report.parts import GateResult
from forgelm.audit.report.record import AuditReport


def build_envelope(report: AuditReport, report_path: Path | None) -> dict[str, Any]:
    """Return the envelope; ``success`` is false when a gate failed, as it is for every command of this program."""
    gates = {gate.name: gate for gate in report.gates}
    return {
        "success": report.verdict == "passed",
        "report_path": str(report_path) if report_path is not None else None,
        "generated_at": report.generated_at,
        "source_input": report.source_input,
        "total_samples": report.total_samples,
        "splits": {name: split.get("sample_count", 0) for name, split in report.splits.items()},
        "pii_summary": report.pii_summary,
        "pii_severity": report.pii_severity,
        "secrets_summary": report.secrets_summary,
        "secrets_gate": _describe_critical(gates["secrets"]) | {"allow_secrets": gates["secrets"].allowed},
        "pii_gate": _describe_critical(gates["pii"])
        | {
            "advisory_total": gates["pii"].advisory_total,
            "advisory_types": list(gates["pii"].advisory_types),
            "allow_pii": gates["pii"].allowed,
        },
        "quality_summary": report.quality_summary,
        "near_duplicate_pairs_per_split": report.near_duplicate_summary.get("pairs_per_split", {}),
        "near_duplicate_summary": report.near_duplicate_summary,
        "cross_split_leakage_pairs": [
            name
            for name, leak in report.cross_split_overlap.get("pairs", {}).items()
            if leak["leaked_rows_in_a"] or leak["leaked_rows_in_b"]
        ],
        "croissant": report.croissant,
        "notes": report.notes,
    }


def _describe_critical(gate: GateResult) -> dict[str, Any]:
    return {
        "status": gate.status,
        "severity": gate.severity,
        "critical_total": gate.critical_total,
        "critical_types": list(gate.critical_types),
    }
