"""The name of a trained model into the model to ask: a whole model, or an adapter on the base that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import check_vocabulary, loading_errors
from forgelm.model.merge.adapter import ADAPTER_CONFIG
from forgelm.model.positions import changed_architecture
from forgelm.model.revision import Revision, resolve_revision


@dataclass(frozen=True)
class OpenedModel:
    """A model that is only asked, never trained. ``revision`` is of the weights, an adapter's base included."""

    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    revision: Revision
    is_adapter: bool

    @contextmanager
    def without_adapter(self) -> Iterator[Any]:
        """Give the base model that the adapter lies on, for as long as the block lasts."""
        with self.model.disable_adapter():
            yield self.model


def open_model(name: str, *, offline: bool, token: str | None) -> OpenedModel:
    """Load the model of a folder or hub id; an adapter's folder is loaded with the base model it names.

    Raises:
        ModelError: there is no such model, it is a GGUF file, or it cannot be loaded.
    """
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    if name.lower().endswith(".gguf"):
        raise ModelError(
            f"{name} is a GGUF file, which is not asked here",
            hint="name the folder or hub id of the model it was made from",
        )
    adapter = Path(name) if (Path(name) / ADAPTER_CONFIG).is_file() else None
    revision = resolve_revision(_base_of(adapter) if adapter else name, revision=None, offline=offline, token=token)
    options: dict[str, Any] = {"local_files_only": offline or revision.is_local, **revision.load_options()}
    if token and not revision.is_local:
        options["token"] = token
    hardware = detect_hardware()
    source = str(adapter) if adapter and (adapter / "tokenizer_config.json").is_file() else revision.path
    with loading_errors(f"the model {name}"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **(options if source == revision.path else {}))
        model = transformers.AutoModelForCausalLM.from_pretrained(
            revision.path,
            dtype="auto" if hardware.has_gpu else torch.float32,
            device_map={"": 0} if hardware.has_gpu else None,
            use_safetensors=True,
            **changed_architecture(revision.path, adapter, options),
            **options,
        )
        if adapter:
            model = load_extra("peft", extra="train").PeftModel.from_pretrained(model, str(adapter))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise ModelError(f"the tokenizer of {name} has neither a pad nor an end-of-sequence token")
    check_vocabulary(model, tokenizer, name)
    return OpenedModel(model.eval(), tokenizer, revision, adapter is not None)


def _base_of(adapter: Path) -> str:
    try:
        config = json.loads((adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{adapter / ADAPTER_CONFIG} cannot be read: {error}") from error
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not isinstance(base, str) or not base:
        raise ModelError(f"{adapter / ADAPTER_CONFIG} does not name the adapter's base model")
    return base
