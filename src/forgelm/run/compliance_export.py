"""Writes what a configuration lets one document before training: the plan, the data, what is declared and missing.

The data and the tokenizer are read as for a dry run; no weights are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import refuse_pipeline
from forgelm.data.prepare import prepare_run
from forgelm.evidence.documents.dossier import open_outline
from forgelm.evidence.documents.write import write_plan
from forgelm.evidence.manifest import PLANNED
from forgelm.evidence.record import Plan
from forgelm.model.load import load_reader, plan_load, resolve
from forgelm.run.folder import run_files
from forgelm.train.tokenised import tokenise_data


@dataclass(frozen=True)
class ComplianceExport:
    """What was written; ``annex_iv`` counts that document's items by status, ``None`` where no system is described."""

    folder: Path
    files: tuple[Path, ...]
    annex_iv: Mapping[str, int] | None


def export_compliance(config: ForgeConfig, folder: Path) -> ComplianceExport:
    """Write the documents into ``folder``, which is new, empty or an earlier export.

    Raises:
        ConfigError: the configuration, the data or the model cannot be used, or ``folder`` holds something else.
        StorageError: a file could not be written.
    """
    refuse_pipeline(config, "--compliance-export")
    folder = Path(os.path.abspath(folder))
    _check_folder(folder)
    with private(offline=config.model.offline):
        prepared = prepare_run(config)
        revision = resolve(config)
        precision = plan_load(config, revision)
        tokenised = tokenise_data(config, prepared, load_reader(config, revision))
    plan = Plan(None, config, prepared, tokenised)
    outline = open_outline(plan, folder, audit=run_files(config).data_audit_report)
    written = write_plan(outline, revision, precision)
    annex = folder / "annex_iv_metadata.json"
    coverage = json.loads(annex.read_bytes())["coverage"] if annex in written else None
    return ComplianceExport(folder, written, coverage)


def _check_folder(folder: Path) -> None:
    """Refuse what an export must not replace, above all the documents of a run."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder", hint="name the folder that the documents go into")
    if any(folder.iterdir()) and not _is_export(folder):
        raise ConfigError(
            f"{folder} holds something else than an earlier export",
            hint="nothing else is overwritten: name a new or an empty folder",
        )


def _is_export(folder: Path) -> bool:
    try:
        report = json.loads((folder / "compliance_report.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    planned = isinstance(report, dict) and report.get("state") == PLANNED
    return planned and all(path.is_file() for path in folder.iterdir())
