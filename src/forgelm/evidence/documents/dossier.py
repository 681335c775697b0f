"""Everything the documents of one run are built from: what was recorded, what was declared, by whom and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path, PurePath
from typing import Any

from forgelm.base.files import INTEGRITY_FILE, RunFiles, sha256_file
from forgelm.config.data import GovernanceConfig
from forgelm.config.declarations import DatasetDeclaration, GpaiConfig, Statement
from forgelm.config.governance import ComplianceConfig, RiskAssessmentConfig
from forgelm.config.placeholder import is_placeholder
from forgelm.evidence.documents.data_audit import DataAudit, read_audit
from forgelm.evidence.documents.lineage import Lineage, read_lineage
from forgelm.evidence.environment import package_version
from forgelm.evidence.hashing import HashedFile
from forgelm.evidence.identity import operator_identity
from forgelm.evidence.inventory import read_sealed_files
from forgelm.evidence.record import Plan, RunRecord
from forgelm.train.consumption import Consumption, measure_consumption

KEEP = (
    "Keep technical documentation for 10 years after the system is placed on the market or put into service "
    "(Article 18), and automatically generated logs for at least six months (Articles 19 and 26(6))."
)


@dataclass(frozen=True)
class Outline:
    """What documents can be written from before anything was trained. Times are in UTC."""

    run: Plan
    consumption: Consumption
    operator: str
    generated_at: datetime
    folder: Path
    audit: DataAudit | None

    @property
    def compliance(self) -> ComplianceConfig:
        return self.run.config.compliance or ComplianceConfig.model_validate({})

    @property
    def gpai(self) -> GpaiConfig:
        return self.compliance.gpai or GpaiConfig.model_validate({})

    @property
    def risk(self) -> RiskAssessmentConfig:
        return self.run.config.risk_assessment or RiskAssessmentConfig.model_validate({})

    @property
    def governance(self) -> GovernanceConfig:
        return self.run.config.data.governance or GovernanceConfig.model_validate({})

    @property
    def statements(self) -> dict[str, Statement]:
        """What is stated on items of Annex IV, by item."""
        return {str(key): statement for key, statement in self.compliance.annex_iv.items()}

    @property
    def declared_by(self) -> str:
        """Who stands for the declarations; without a name it is whoever ran the command, as the log calls them."""
        return self.compliance.declared_by or self.operator

    @property
    def declared_on(self) -> date:
        return self.compliance.declared_on or self.generated_at.date()

    @property
    def foot(self) -> str:
        """The line under every page."""
        of = f"Run {self.run.run_id}" if self.run.run_id else "Before any run: nothing was trained or measured"
        made = f"{of}, written {self.generated_at:%Y-%m-%d %H:%M} UTC by ForgeLM"
        return f"{made} {package_version('forgelm')}. No legal judgement is made here. {KEEP}"

    def head(self) -> dict[str, Any]:
        """Return the keys every record opens with."""
        return {
            "generated_at": self.generated_at.isoformat(timespec="seconds"),
            "forgelm_version": package_version("forgelm"),
            "run_id": self.run.run_id,
        }

    def public_name(self, name: str) -> str:
        """Return the name of a dataset or model without the folders of this machine, which concern nobody else."""
        last = PurePath(name).name
        local = [source.name for source in self.run.prepared.sources if source.kind.startswith("local")]
        if name not in local:
            return last if Path(name).is_absolute() else name
        alike = [other for other in local if PurePath(other).name == last]
        return last if len(alike) == 1 else f"{last} ({alike.index(name) + 1})"

    def dataset(self, name: str) -> DatasetDeclaration | None:
        """Return what is declared about a dataset."""
        return next((item for item in self.governance.datasets if item.name == name), None)


@dataclass(frozen=True)
class Dossier(Outline):
    """``model_root`` is the SHA-256 of the model's integrity manifest and ``sealed`` its files, once they exist."""

    run: RunRecord
    lineage: Lineage
    model_root: str | None = None
    model_files: tuple[str, ...] = ()
    sealed: tuple[HashedFile, ...] = ()


def open_outline(plan: Plan, folder: Path, *, audit: Path) -> Outline:
    """Gather what documents in ``folder`` need before a run; ``audit`` is where a dataset audit may lie."""
    return Outline(
        run=plan,
        consumption=measure_consumption(
            plan.config, plan.tokenised.train.examples, order="sequential", steps=0, real_tokens=0
        ),
        operator=operator_identity(),
        generated_at=datetime.now(UTC),
        folder=folder,
        audit=read_audit(audit),
    )


def open_dossier(run: RunRecord, files: RunFiles) -> Dossier:
    """Gather what the documents need, as far as it is known before the model is sealed."""
    compute = run.outcome.compute
    return Dossier(
        run=run,
        consumption=measure_consumption(
            run.config,
            run.tokenised.train.examples,
            order=run.outcome.batching.order,
            steps=compute.steps,
            real_tokens=compute.real_tokens,
        ),
        lineage=read_lineage(run.loaded.revision),
        operator=operator_identity(),
        generated_at=datetime.now(UTC),
        folder=files.compliance,
        audit=read_audit(files.data_audit_report),
    )


def with_model(dossier: Dossier, model: Path) -> Dossier:
    """Return the dossier with the digest and the files of the sealed ``model``."""
    files = tuple(sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()))
    sealed = read_sealed_files(model)
    return replace(dossier, model_root=sha256_file(model / INTEGRITY_FILE), model_files=files, sealed=sealed)


def said(text: str | None) -> str | None:
    """Return what was declared, or ``None`` for a blank or a placeholder."""
    return text.strip() if text and not is_placeholder(text) else None


def _name_lack(name: str, value: str | None) -> str:
    return f"{name}: what is declared is a placeholder" if value and value.strip() else name


def all_said(values: Mapping[str, str | None]) -> tuple[str | None, tuple[str, ...]]:
    """Return several declarations as one text when all were made, else ``None``; and the names of those missing."""
    missing = tuple(_name_lack(name, value) for name, value in values.items() if said(value) is None)
    text = "; ".join(f"{name}: {said(value)}" for name, value in values.items() if said(value))
    return (None if missing else text), missing
