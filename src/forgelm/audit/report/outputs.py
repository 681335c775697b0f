"""A report to the files that stand beside each other: JSON for programs, a page for people, and Croissant."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from forgelm.audit.report.document import REPORT_FILE, build_document
from forgelm.audit.report.page import PAGE_FILE, render_page
from forgelm.audit.report.record import AuditReport
from forgelm.base.files import render_json, replacing, storage_errors

CROISSANT_FILE = "croissant.json"

_LOCK_FILE = ".data_audit_report.lock"


@dataclass(frozen=True)
class Outputs:
    """The files written; ``croissant`` only where the report has a description."""

    report: Path
    page: Path
    croissant: Path | None


def write_outputs(report: AuditReport, folder: Path) -> Outputs:
    """Write all files of one audit into ``folder``, which is made when missing: all of them, or none.

    Audits that end at the same time write one after the other, so that the files are always of one of them.

    Raises:
        OptionalDependencyError: Jinja is not installed.
        StorageError: something could not be written; what was there before is as it was.
    """
    files = {REPORT_FILE: render_json(build_document(report)), PAGE_FILE: render_page(report).encode("utf-8")}
    if report.croissant:
        files[CROISSANT_FILE] = render_json(report.croissant)
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK_FILE), contextlib.ExitStack() as together:
            # Everything is on the disk before the first file takes its place.
            for name, content in files.items():
                stream = together.enter_context(replacing(folder / name))
                stream.write(content)
                stream.flush()
    return Outputs(folder / REPORT_FILE, folder / PAGE_FILE, folder / CROISSANT_FILE if report.croissant else None)
