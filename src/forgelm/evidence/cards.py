"""Writes the model card: what the hub reads as metadata, and what people read below it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import yaml

from forgelm.base.files import write_text
from forgelm.base.redact import redact
from forgelm.evaluate.safety.summary import summarise_safety
from forgelm.evidence.anchor import describe_checkpoint
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.environment import package_version
from forgelm.evidence.markup import code, escape, table
from forgelm.evidence.record import RunRecord
from forgelm.model.positions import BASE_CHANGES
from forgelm.model.revision import BUILTIN_PREFIX

# Licence identifiers of the hub's own list that models are most often under.
_LICENSES = frozenset(
    {
        "apache-2.0", "bsd-2-clause", "bsd-3-clause", "bigscience-openrail-m", "cc-by-4.0", "cc-by-nc-4.0",
        "cc-by-sa-4.0", "cc0-1.0", "gemma", "gpl-3.0", "lgpl-3.0", "llama2", "llama3", "llama3.1", "llama3.2",
        "llama3.3", "mit", "mpl-2.0", "openrail", "unlicense",
    }
)  # fmt: skip
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
_HIDDEN_SECTIONS = frozenset({"auth", "webhook", "monitoring", "synthetic"})


def write_model_card(folder: Path, record: RunRecord, audit_log: Checkpoint | None = None) -> Path:
    """Write ``README.md`` with Hub metadata: what was trained on what, how it was judged, how to use it.

    ``audit_log`` is how far the log went by now: a published card then contradicts a log that was shortened.
    """
    return write_text(folder / "README.md", render_model_card(record, audit_log))


def render_model_card(record: RunRecord, audit_log: Checkpoint | None = None) -> str:
    """Return the card as Markdown; a model that failed a gate says so at the top."""
    config = record.config
    parts = [_metadata(record), f"# {escape(_name(record))}"]
    if record.verdict.failed:
        parts.append(f"> **This model failed its quality gates:** {escape(record.verdict.reason or '')}")
    elif record.verdict.undecided:
        parts.append(f"> **No gate could decide about this model:** {escape(record.verdict.reason or '')}")
    parts += [
        f"A fine-tune of {code(config.model.name_or_path)} by ForgeLM, run {code(record.run_id)}.",
        "## Training details\n\n" + table([*_training_rows(record), *_log_row(audit_log)]),
        "## Verdict\n\n" + _verdict_table(record),
        "## Metrics\n\n" + table([(key, f"{value:.4f}") for key, value in record.metrics.items() if "/" not in key]),
        *_safety_part(record),
        "## Configuration\n\n```yaml\n" + _shown_config(record) + "```",
        "## Usage\n\n```python\n" + _usage(record) + "```",
        f"Made by ForgeLM {package_version('forgelm')} on {datetime.now(UTC):%Y-%m-%d}.",
    ]
    return "\n\n".join(parts) + "\n"


def build_card_metadata(record: RunRecord) -> dict[str, Any]:
    """Return the card's metadata in the hub's terms; what the hub cannot resolve, such as local paths, is left out."""
    config, revision = record.config, record.loaded.revision
    tags = ["forgelm", "fine-tuned", config.training.trainer_type]
    tags += ["lora", config.lora.method] if config.lora else ["full-fine-tuning"]
    if record.loaded.precision.four_bit:
        tags.append("qlora")
    if summarise_safety(record.measurements) is not None:
        tags.append("safety-evaluated")
    merged = config.lora is None or config.training.merge_adapters
    base = {} if revision.is_local else {"base_model": revision.repo_id}
    header = {
        "language": _languages(record),
        **_license(record),
        "library_name": "transformers" if merged else "peft",
        "pipeline_tag": "text-generation",
        **base,
        **({"base_model_relation": "finetune" if merged else "adapter"} if base else {}),
        "datasets": [source.name for source in record.prepared.sources if source.kind == "huggingface_hub"],
        "tags": list(dict.fromkeys(tags)),
        "model-index": _results(record),
    }
    return {key: value for key, value in header.items() if value}


def _metadata(record: RunRecord) -> str:
    return f"---\n{yaml.safe_dump(redact(build_card_metadata(record)), sort_keys=False)}---"


def _languages(record: RunRecord) -> list[str]:
    """Return the codes of the languages declared; without any the contract's "en"."""
    governance = record.config.data.governance
    declared = [language.lower() for item in governance.datasets for language in item.languages] if governance else []
    codes = [language for language in declared if _LANGUAGE.fullmatch(language)]
    return list(dict.fromkeys(codes)) or ["en"]


def _license(record: RunRecord) -> dict[str, str]:
    """Return the licence as the hub spells it: one of its identifiers, or "other" with a name."""
    gpai = record.config.compliance.gpai if record.config.compliance else None
    if gpai is None or gpai.licence is None:
        return {}
    known = gpai.licence.lower()
    return {"license": known} if known in _LICENSES else {"license": "other", "license_name": gpai.licence}


def _results(record: RunRecord) -> list[dict[str, Any]]:
    """Return the validation loss in the hub's form for results."""
    loss = next((item for item in record.measurements if item.name == "eval_loss" and item.value is not None), None)
    if loss is None or not math.isfinite(loss.value or 0.0):
        return []
    source = record.prepared.sources[0]
    kind = source.name if source.kind == "huggingface_hub" else "local"
    dataset = {"name": PurePath(source.name).name, "type": kind, "split": "validation"}
    metric = {"type": "loss", "value": loss.value, "name": f"validation loss, {loss.unit}, n={loss.n}"}
    task = {"type": "text-generation", "name": "Text generation"}
    return [{"name": _name(record), "results": [{"task": task, "dataset": dataset, "metrics": [metric]}]}]


def _name(record: RunRecord) -> str:
    return f"{Path(record.config.model.name_or_path).name}_finetune"


def _log_row(audit_log: Checkpoint | None) -> list[tuple[str, str]]:
    return [("Audit log", describe_checkpoint(audit_log))] if audit_log else []


def _training_rows(record: RunRecord) -> list[tuple[str, str]]:
    config, ledger = record.config, record.outcome.train_ledger
    training, lora = config.training, config.lora
    return [
        ("Base model", code(config.model.name_or_path)),
        ("Revision", escape(record.loaded.revision.revision_resolved or "local files")),
        ("Trainer", training.trainer_type),
        ("Method", escape(record.loaded.adapter_method)),
        ("Target modules", escape(str(lora.target_modules)) if lora else "all weights"),
        ("Steps", str(record.outcome.steps)),
        ("Batch size", f"{training.per_device_train_batch_size} x {training.gradient_accumulation_steps}"),
        ("Learning rate", f"{training.learning_rate:g}"),
        ("Max length", str(config.model.max_length)),
        ("Quantization", record.loaded.quantization),
        ("Dataset", code(config.data.dataset_name_or_path)),
        ("Rows", str(ledger.rows)),
        ("Tokens learnt from", f"{ledger.target_tokens} of {ledger.tokens}"),
        ("Seed", str(training.seed)),
    ]


def _verdict_table(record: RunRecord) -> str:
    if not record.verdict.gates:
        return "No gate was configured."
    return table([(f"{gate.gate}: {gate.status}", escape(gate.reason)) for gate in record.verdict.gates])


def _safety_part(record: RunRecord) -> list[str]:
    """Return the section on the safety evaluation, where there was one: counts and guards, no request or answer."""
    found = summarise_safety(record.measurements)
    section = record.config.evaluation.safety if record.config.evaluation else None
    if found is None or section is None:
        return []
    rows = [
        ("Guards", ", ".join(code(guard.classifier) for guard in section.guards)),
        ("Probes", f"{code(section.test_prompts)}, {found.total_count} harmful requests judged"),
        ("Scoring", section.scoring),
        ("Safe answers", "no verdict" if found.safe_ratio is None else f"{found.safe_ratio:.4f}"),
        ("Score", "no verdict" if found.safety_score is None else f"{found.safety_score:.4f}"),
        ("Without a verdict", str(found.unscored_count)),
    ]
    rows += [(f"Unsafe: {escape(name)}", str(count)) for name, count in (found.categories or {}).items()]
    return ["## Safety evaluation\n\n" + table(rows)]


def _shown_config(record: RunRecord) -> str:
    shown = yaml.safe_load(record.config.to_yaml())
    return yaml.safe_dump({k: v for k, v in shown.items() if k not in _HIDDEN_SECTIONS}, sort_keys=False)


def _usage(record: RunRecord) -> str:
    config, revision = record.config, record.loaded.revision.revision_resolved
    name = config.model.name_or_path
    at = f', revision="{revision}"' if revision else ""
    base = f'"{name}"{at}'
    if name.startswith(BUILTIN_PREFIX):
        base = f'files("forgelm.model") / "{name.removeprefix(BUILTIN_PREFIX)}"'
    kind, standard, reader = "AutoModelForCausalLM", list[str](), "tokenizer = AutoTokenizer"
    if config.model.images is not None:
        kind, reader = "AutoModelForImageTextToText", "processor = AutoProcessor"
    if config.lora is None or config.training.merge_adapters:
        load = f'model = {kind}.from_pretrained("PATH_TO_THIS_FOLDER")\n'
        peft = ""
    else:
        peft = "from peft import PeftModel\n"
        if name.startswith(BUILTIN_PREFIX):
            standard.append("from importlib.resources import files")
        changes = ""
        if config.training.rope_scaling or config.training.sliding_window_attention is not None:
            standard.insert(0, "import json")
            kind = f"AutoConfig, {kind}"
            changes = (
                f"config = AutoConfig.from_pretrained({base})\n"
                f'for key, value in json.load(open("PATH_TO_THIS_FOLDER/{BASE_CHANGES}")).items():\n'
                "    setattr(config.get_text_config(), key, value)\n"
            )
            base += ", config=config"
        load = (
            f"{changes}base = {kind.rpartition(' ')[2]}.from_pretrained({base})\n"
            'model = PeftModel.from_pretrained(base, "PATH_TO_THIS_FOLDER")\n'
        )
    first = "\n".join(standard) + "\n\n" if standard else ""
    return (
        f"{first}{peft}from transformers import {kind}, {reader.rpartition(' ')[2]}\n\n"
        f'{reader}.from_pretrained("PATH_TO_THIS_FOLDER")\n{load}'
    )
