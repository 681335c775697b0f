"""A report to the files that stand beside each other: JSON for programs, a page for people, and Croissant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from forgelm.audit.report.page import write_page
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.write import write_report
from forgelm.base.files import storage_errors, write_json

CROISSANT_FILE = "croissant.json"

_LOCK_FILE = ".data_audit_report.lock"


@dataclass(frozen=True)
class Outputs:
    """The files written; ``croissant`` only where the report has a description."""

    report: Path
    page: Path
    croissant: Path | None


def write_outputs(report: AuditReport, folder: Path) -> Outputs:
    """Write all files of one audit into ``folder``, which is made when missing.

    Audits that end at the same time write one after the other, so that the files are always of one of them.

    Raises:
        OptionalDependencyError: Jinja is not installed.
        StorageError: something could not be written; what was there before is as it was.
    """
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK_FILE):
            croissant = write_json(folder / CROISSANT_FILE, report.croissant) if report.croissant else None
            page = write_page(report, folder)
            return Outputs(write_report(report, folder), page, croissant)
