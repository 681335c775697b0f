"""Writes the two documents that travel inside the model folder: the model card and the deployer's instructions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import yaml

from forgelm.base.files import write_text
from forgelm.evidence.environment import package_version
from forgelm.evidence.record import RunRecord
from forgelm.model.revision import BUILTIN_PREFIX

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_HIDDEN_SECTIONS = frozenset({"auth", "webhook", "monitoring", "synthetic"})
_UNSAID = "Not specified"


def write_model_card(folder: Path, record: RunRecord) -> Path:
    """Write ``README.md`` with Hub metadata: what was trained on what, how it was judged, how to use it."""
    return write_text(folder / "README.md", render_model_card(record))


def write_deployer_instructions(folder: Path, record: RunRecord) -> Path:
    """Write ``deployer_instructions.md``: what a deployer must know before using the model."""
    return write_text(folder / "deployer_instructions.md", render_deployer_instructions(record))


def render_model_card(record: RunRecord) -> str:
    """Return the card as Markdown; a model that failed a gate says so at the top."""
    config = record.config
    name = f"{Path(config.model.name_or_path).name}_finetune"
    parts = [_metadata(record), f"# {escape(name)}"]
    if not record.verdict.passed:
        parts.append(f"> **This model failed its quality gates:** {escape(record.verdict.reason or '')}")
    parts += [
        f"A fine-tune of {code(config.model.name_or_path)} by ForgeLM, run {code(record.run_id)}.",
        "## Training details\n\n" + _table(_training_rows(record)),
        "## Verdict\n\n" + _verdict_table(record),
        "## Metrics\n\n" + _table([(key, f"{value:.4f}") for key, value in record.metrics.items() if "/" not in key]),
        "## Configuration\n\n```yaml\n" + _shown_config(record) + "```",
        "## Usage\n\n```python\n" + _usage(record) + "```",
        f"Made by ForgeLM {package_version('forgelm')} on {datetime.now(UTC):%Y-%m-%d}.",
    ]
    return "\n\n".join(parts) + "\n"


def render_deployer_instructions(record: RunRecord) -> str:
    """Return the seven sections of the instructions as Markdown; what nobody declared reads "Not specified"."""
    compliance, risk = record.config.compliance, record.config.risk_assessment
    misuse = [f"- It should not be used for: {escape(item)}" for item in risk.foreseeable_misuse] if risk else []
    identity = [
        ("System", _said(compliance.system_name if compliance else "")),
        ("Version", _said(compliance.system_version if compliance else "")),
        ("Provider", _said(compliance.provider_name if compliance else "")),
        ("Contact", _said(compliance.provider_contact if compliance else "")),
        ("Base model", code(record.config.model.name_or_path)),
        ("Method", escape(record.loaded.adapter_method)),
        ("Run", code(record.run_id)),
    ]
    sections = [
        ("System identity", _table(identity)),
        ("Intended purpose", _said(compliance.intended_purpose if compliance else "")),
        ("Known limitations", "\n".join([_said(compliance.known_limitations if compliance else ""), *misuse])),
        ("Measured performance", _table([(key, f"{value:.4f}") for key, value in record.metrics.items()])),
        (
            "Human oversight",
            "\n".join(
                [
                    "- A person able to override or stop the system must be named before it is deployed.",
                    "- Outputs must be checked where a mistake could harm someone.",
                    f"- Release needed a person's approval: {'yes' if _approval(record) else 'no'}.",
                ]
            ),
        ),
        (
            "Hardware",
            escape(f"Trained on {record.loaded.hardware.device}; loads in {record.loaded.precision.load_dtype}."),
        ),
        ("Reporting incidents", f"Report malfunctions to: {_said(compliance.provider_contact if compliance else '')}"),
    ]
    body = "\n\n".join(f"## {number}. {title}\n\n{text}" for number, (title, text) in enumerate(sections, 1))
    return f"# Instructions for deployers\n\n{body}\n"


def escape(text: str) -> str:
    """Return ``text`` with every character that Markdown would read as markup escaped, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return ``text`` as a Markdown code span that cannot end early or break a table."""
    return "`" + " ".join(text.split()).replace("`", "'").replace("|", "\\|") + "`"


def _metadata(record: RunRecord) -> str:
    config = record.config
    tags = ["forgelm", "fine-tuned", config.training.trainer_type]
    tags += ["lora", config.lora.method] if config.lora else ["full-fine-tuning"]
    if record.loaded.precision.four_bit:
        tags.append("qlora")
    merged = config.lora is None or config.training.merge_adapters
    header = {
        "language": ["en"],
        "library_name": "transformers" if merged else "peft",
        "pipeline_tag": "text-generation",
        "base_model": config.model.name_or_path,
        "base_model_relation": "finetune" if merged else "adapter",
        "tags": list(dict.fromkeys(tags)),
    }
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---"


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
    return _table([(f"{gate.gate}: {gate.status}", escape(gate.reason)) for gate in record.verdict.gates])


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
    if config.lora is None or config.training.merge_adapters:
        load = 'model = AutoModelForCausalLM.from_pretrained("PATH_TO_THIS_FOLDER")\n'
        peft = ""
    else:
        peft = "from peft import PeftModel\n"
        if name.startswith(BUILTIN_PREFIX):
            peft = f"from importlib.resources import files\n\n{peft}"
        load = (
            f"base = AutoModelForCausalLM.from_pretrained({base})\n"
            'model = PeftModel.from_pretrained(base, "PATH_TO_THIS_FOLDER")\n'
        )
    return (
        f"{peft}from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'tokenizer = AutoTokenizer.from_pretrained("PATH_TO_THIS_FOLDER")\n{load}'
    )


def _approval(record: RunRecord) -> bool:
    return bool(record.config.evaluation and record.config.evaluation.require_human_approval)


def _said(text: str) -> str:
    return escape(text) if text.strip() else _UNSAID


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
