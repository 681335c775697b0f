"""The report of an audit: the contract's fields first, then where everything was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from forgelm.audit.report.parts import (
    AuditedFile,
    AuditSettings,
    ColumnInfo,
    ContaminationSummary,
    DuplicateCluster,
    GateResult,
    LocatedFinding,
    SplitDetails,
)
from forgelm.audit.report.snippet import render_snippet


@dataclass(frozen=True)
class AuditReport:
    """What ``audit_dataset`` returns.

    The fields up to ``notes`` are the contract's and hold plain JSON values; those after it are records. ``findings``
    holds the first of every kind, the worst kinds first; ``pii_summary`` and ``secrets_summary`` count all of them.
    ``details`` has every split of ``splits``. ``duplicates`` are the largest clusters; ``duplicate_rows`` counts, over
    all clusters, the rows that repeat an earlier one.
    """

    generated_at: str
    source_path: str
    source_input: str
    total_samples: int
    splits: dict[str, dict[str, Any]]
    cross_split_overlap: dict[str, Any]
    pii_summary: dict[str, int]
    pii_severity: dict[str, Any]
    near_duplicate_summary: dict[str, Any]
    secrets_summary: dict[str, int]
    quality_summary: dict[str, Any]
    croissant: dict[str, Any]
    notes: list[str]

    settings: AuditSettings
    gates: tuple[GateResult, ...]
    findings: tuple[LocatedFinding, ...] = ()
    duplicates: tuple[DuplicateCluster, ...] = ()
    duplicate_rows: int = 0
    duplicate_clusters: int = 0
    details: dict[str, SplitDetails] = field(default_factory=dict)
    prompt_overlap: dict[str, dict[str, Any]] = field(default_factory=dict)
    contamination: ContaminationSummary | None = None
    columns: tuple[ColumnInfo, ...] = ()
    files: tuple[AuditedFile, ...] = ()

    @property
    def duplicate_count(self) -> int:
        """How many rows repeat an earlier row, to the byte or nearly: what a clean copy would leave out."""
        return self.duplicate_rows

    @property
    def pii_findings(self) -> tuple[LocatedFinding, ...]:
        """The personal data among ``findings``; at most ``settings.findings_shown`` of every kind."""
        return tuple(finding for finding in self.findings if finding.category == "pii")

    @property
    def secrets_findings(self) -> tuple[LocatedFinding, ...]:
        """The credentials among ``findings``; at most ``settings.findings_shown`` of every kind."""
        return tuple(finding for finding in self.findings if finding.category == "secret")

    @property
    def verdict(self) -> Literal["passed", "failed"]:
        """``failed`` when a gate is."""
        return "failed" if any(gate.status == "failed" for gate in self.gates) else "passed"

    def _repr_html_(self) -> str:
        return render_snippet(self)
