"""The name of a model that is done, whole or an adapter's folder, into its weights and tokenizer, ready to be asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import check_vocabulary, load_base, load_tokenizer, loading_errors, plan_load, resolve
from forgelm.model.positions import with_base_changes
from forgelm.model.revision import Revision

_ADAPTER_CONFIG = "adapter_config.json"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class FinishedModel:
    """A model to ask, not to train. ``revision`` is the base model's where ``is_adapter``."""

    model: Any
    tokenizer: Any
    revision: Revision
    is_adapter: bool


def load_finished(config: ForgeConfig, name: str) -> FinishedModel:
    """Load the model called ``name``: a folder, a hub id or a bundled one, as ``config`` says models are loaded.

    An adapter is put on the base model that its folder names, and its own tokenizer is used where it has one.

    Raises:
        ModelError: there is no such model, it cannot be loaded, or an adapter does not say what its base is.
    """
    folder = Path(name)
    is_adapter = (folder / _ADAPTER_CONFIG).is_file() and not (folder / "config.json").is_file()
    base, pinned = _read_base(folder) if is_adapter else (name, None)
    named = config.replace("model.name_or_path", base)
    # A revision in the configuration is that of its own model, not of this one.
    named = named.replace("model.revision", config.model.revision if base == config.model.name_or_path else pinned)
    # How it sees positions is what its own folder says, not what the file says for the model that it trains.
    named = with_base_changes(named, folder)
    revision = resolve(named)
    hardware = detect_hardware()
    model = load_base(named, revision, plan_load(named, revision), hardware)
    tokenizer = load_tokenizer(named, _tokenizer_place(folder, revision) if is_adapter else revision)
    check_vocabulary(model, tokenizer, name)
    if is_adapter:
        peft = load_extra("peft", extra="train")
        with loading_errors(f"the adapter {name}"):
            model = peft.PeftModel.from_pretrained(model, str(folder))
    return FinishedModel(model.eval(), tokenizer, revision, is_adapter)


def _read_base(folder: Path) -> tuple[str, str | None]:
    path = folder / _ADAPTER_CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    base = found.get("base_model_name_or_path") if isinstance(found, dict) else None
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"{path} does not name the adapter's base model (base_model_name_or_path)",
            hint="write the base model's name there, or merge the adapter first",
        )
    return base, found.get("revision") or None


def _tokenizer_place(folder: Path, base: Revision) -> Revision:
    if any((folder / name).is_file() for name in _TOKENIZER_FILES):
        return Revision(str(folder), str(folder), None, None, "local_path")
    return base
