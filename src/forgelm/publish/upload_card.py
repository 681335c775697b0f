"""A model folder without a card to the least that its users on the hub should know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from forgelm.evidence.environment import package_version
from forgelm.evidence.markup import code, table
from forgelm.model.positions import read_base_changes
from forgelm.model.revision import BUILTIN_PREFIX


def render_plain_card(folder: Path, repo_id: str) -> str:
    """Return a card with the hub's metadata: what the model is, its base where it is an adapter, how it is loaded.

    It says that nothing is known about how good the model is, since nothing is.
    """
    adapter = _read(folder / "adapter_config.json")
    config = _read(folder / "config.json")
    base = str(adapter.get("base_model_name_or_path") or "")
    metadata = [f"library_name: {'peft' if adapter else 'transformers'}", "pipeline_tag: text-generation"]
    metadata.append("tags: [forgelm]")
    if base and not _is_local(base):
        metadata = [f"base_model: {json.dumps(base)}", "base_model_relation: adapter", *metadata]
    rows = [("kind", f"adapter ({adapter.get('peft_type', 'unknown')})" if adapter else "whole model")]
    rows += [("base model", code(base))] if base else []
    rows += [("architecture", code(str(name))) for name in config.get("architectures") or ()]
    parts = [
        "---\n" + "\n".join(metadata) + "\n---",
        f"# {repo_id.rpartition('/')[2]}",
        "> Nothing is recorded here about what this model was trained on or how good it is.",
        table(rows),
        "## Usage\n\n```python\n" + _usage(repo_id, base if adapter else None, read_base_changes(folder)) + "```",
        f"Uploaded by ForgeLM {package_version('forgelm')}.",
    ]
    return "\n\n".join(parts) + "\n"


def _usage(repo_id: str, base: str | None, changes: dict[str, Any]) -> str:
    names, options = "AutoModelForCausalLM, AutoTokenizer", ""
    if changes:
        names, options = f"AutoConfig, {names}", ", config=config"
    lines = [f"from transformers import {names}", ""]
    lines += [f"tokenizer = AutoTokenizer.from_pretrained({repo_id!r})"]
    if changes:
        # The adapter was trained on a base that sees positions otherwise than its own configuration says.
        lines += [f"config = AutoConfig.from_pretrained({base!r})"]
        lines += [f"config.get_text_config().{name} = {value!r}" for name, value in changes.items()]
    lines += [f"model = AutoModelForCausalLM.from_pretrained({(base or repo_id)!r}{options})"]
    if base:
        lines = ["from peft import PeftModel", *lines, f"model = PeftModel.from_pretrained(model, {repo_id!r})"]
    return "\n".join(lines) + "\n"


def _is_local(name: str) -> bool:
    return name.startswith((BUILTIN_PREFIX, "/", ".", "~")) or Path(name).exists()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
