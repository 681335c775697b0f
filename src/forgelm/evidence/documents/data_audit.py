"""Reads the dataset audit that lies in a run folder: its digest, its findings, and whether it saw the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.audit.croissant.responsible import describe_findings
from forgelm.base.files import sha256_bytes

_SUMMARIES = (
    "verdict",
    "total_samples",
    "pii_summary",
    "pii_severity",
    "secrets_summary",
    "near_duplicate_summary",
    "cross_split_overlap",
    "quality_summary",
)


@dataclass(frozen=True)
class DataAudit:
    """``report`` is the audit's own document; ``problem`` says why there is none although the file is there.

    ``responsible`` are its findings in Croissant's vocabulary for responsible AI.
    """

    file: str
    sha256: str
    report: dict[str, Any]
    problem: str | None = None
    responsible: dict[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> dict[str, Any]:
        """Return the audit's own summaries."""
        return {key: self.report[key] for key in _SUMMARIES if key in self.report}

    def covers(self, digests: Iterable[str]) -> bool | None:
        """Whether every one of the files' ``digests`` was audited; ``None`` when the report names no digests."""
        files = self.report.get("files")
        listed = files if isinstance(files, list) else []
        audited = {str(item["sha256"]) for item in listed if isinstance(item, dict) and item.get("sha256")}
        audited |= self._sources()
        wanted = set(digests)
        return wanted <= audited if audited and wanted else None

    def _sources(self) -> set[str]:
        """Return what the rows were read from where the audit was one of a run's data, as the run reads them."""
        found: Any = self.report
        for name in ("settings", "more", "sources"):
            found = found.get(name) if isinstance(found, dict) else None
        return {str(pin) for pin in found.values() if pin} if isinstance(found, dict) else set()


def read_audit(path: Path) -> DataAudit | None:
    """Return the audit report at ``path``, ``None`` when there is none."""
    if not path.is_file():
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        return DataAudit(path.name, "", {}, f"{path.name} cannot be read: {error.strerror or error}")
    digest = sha256_bytes(content)
    try:
        report = json.loads(content)
    except (ValueError, RecursionError) as error:
        return DataAudit(path.name, digest, {}, f"{path.name} is not JSON: {error}")
    if not isinstance(report, dict) or "total_samples" not in report:
        return DataAudit(path.name, digest, {}, f"{path.name} is not an audit report")
    try:
        return DataAudit(path.name, digest, report, responsible=describe_findings(report))
    except (AttributeError, KeyError, TypeError, ValueError):
        return DataAudit(path.name, digest, {}, f"{path.name} is not laid out as an audit report")
