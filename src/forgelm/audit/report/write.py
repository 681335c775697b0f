"""The report of an audit to ``data_audit_report.json``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from forgelm.audit.report.record import AuditReport
from forgelm.base.files import write_json

REPORT_FILE = "data_audit_report.json"


def write_report(report: AuditReport, folder: Path) -> Path:
    """Write the report into ``folder``, which is made when missing, and return the file's path.

    Raises:
        StorageError: it could not be written; an older report is as it was.
    """
    return write_json(folder / REPORT_FILE, build_document(report))


def build_document(report: AuditReport) -> dict[str, Any]:
    """Return the report as JSON values: the contract's keys, then ours, and the verdict."""
    return {**asdict(report), "verdict": report.verdict}
