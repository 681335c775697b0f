"""One short real training as the record every document is built from, and ways to change what is declared about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support import order_rows, sections, write_rows

from forgelm.base.events import emit_nothing
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.evaluate.measurement import Measurement
from forgelm.evidence.documents.dossier import Dossier, open_dossier, with_model
from forgelm.evidence.documents.write import write_documents
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.record import RunRecord
from forgelm.gate.decide import Thresholds, decide
from forgelm.model.load import load
from forgelm.train.loop import train
from forgelm.train.tokenised import tokenise_data

IDENTITY = {"provider_name": "Exemplar GmbH", "system_name": "Till", "intended_purpose": "Turn orders into JSON."}
STATED = ("1a", "1b", "1d", "1e", "1g", "2b", "2d", "2e", "2h", "3", "4", "5", "6", "7", "9")
FULL_ANNEX = {key: {"statement": f"What is declared about item {key} of the annex."} for key in STATED} | {
    key: {"not_applicable": "It is software, and it is not changed after release."} for key in ("1f", "2f", "8")
}


@dataclass(frozen=True)
class Trained:
    """A record, and the folder its model was staged in."""

    record: RunRecord
    model: Path
    sources: tuple[str, str]


def train_once(folder: Path) -> Trained:
    """Train the bundled model for a few steps on two files in ``folder``."""
    rows = order_rows(200)
    main, extra = write_rows(folder / "orders.jsonl", rows[:80]), write_rows(folder / "more.jsonl", rows[80:140])
    config = ForgeConfig(
        **sections(
            main,
            folder / "run",
            training={"max_steps": 21, "gradient_accumulation_steps": 2, "per_device_train_batch_size": 4},
            data={"extra_datasets": [str(extra)], "validation_split_ratio": 0.1},
        )
    )
    files = RunFiles(folder / "run")
    prepared, loaded = prepare_run(config), load(config)
    tokenised = tokenise_data(config, prepared, loaded.tokenizer)
    outcome = train(config, tokenised, loaded, files, run_id="fg-0123456789ab", emit=emit_nothing)
    measured = (
        Measurement("self_check", 0.0, 64, "relative difference of logits", details={"limit": 1e-3, "problems": []}),
        Measurement("eval_loss", 0.5, 100, "nats per token", 3.0, details={"perplexity": 1.6, "target_tokens": 100}),
    )
    write_integrity_manifest(outcome.staging)
    record = RunRecord(
        run_id="fg-0123456789ab",
        config=config,
        prepared=prepared,
        tokenised=tokenised,
        loaded=replace(loaded, model=None),
        outcome=outcome,
        measurements=measured,
        verdict=decide(measured, Thresholds(True, 2.0)),
        metrics={"train_loss": 1.0, "eval_loss": 0.5},
        resources={"device": "cpu"},
    )
    return Trained(record, outcome.staging, (str(main), str(extra)))


def build_dossier(trained: Trained, root: Path, audit: Any = None, **changes: Any) -> Dossier:
    """Build the dossier of the run with other declarations; sections are given as keywords."""
    config = trained.record.config
    given = {name: getattr(config, name) for name in config.model_fields_set}
    data = changes.pop("data", None)
    if data is not None:
        given["data"] = {**{key: getattr(config.data, key) for key in config.data.model_fields_set}, **data}
    record = replace(trained.record, config=ForgeConfig(**{**given, **changes}))
    files = RunFiles(root)
    if audit is not None:
        root.mkdir(exist_ok=True)
        files.data_audit_report.write_text(audit if isinstance(audit, str) else json.dumps(audit))
    return with_model(open_dossier(record, files), trained.model)


def write_run(dossier: Dossier, root: Path) -> Path:
    """Write a dossier's documents into the run folder ``root`` and return their folder."""
    files = RunFiles(root)
    write_documents(files, dossier, destination="becomes final")
    return files.compliance
