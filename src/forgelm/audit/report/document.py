"""A report to the values of ``data_audit_report.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from forgelm.audit.report.record import AuditReport

REPORT_FILE = "data_audit_report.json"


def build_document(report: AuditReport) -> dict[str, Any]:
    """Return the report as JSON values: the contract's keys, then ours, and the verdict."""
    return {**asdict(report), "verdict": report.verdict}
