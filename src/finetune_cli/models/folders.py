"""A path as a user gives it to the model folder in it, and that folder to a model in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune_cli.core.exceptions import ModelLoadError, ModelNotFoundError
from finetune_cli.core.translate import model_errors
from finetune_cli.core.types import ModelConfig
from finetune_cli.models.loader import load_model_and_tokenizer
from forgelm.base.extras import load_extra
from forgelm.model.load import loading_errors

ADAPTER = "adapter_config.json"
_FINAL = "final_model"


def find_folder(path: str | Path) -> Path:
    """Return the folder that holds the model: ``path`` itself, or the final model of the run in it.

    Raises:
        ModelNotFoundError: there is none.
    """
    folder = Path(path).expanduser()
    for place in (folder, folder / _FINAL):
        if (place / ADAPTER).is_file() or (place / "config.json").is_file():
            return place
    if folder.is_dir():
        raise ModelNotFoundError(str(path), hint=f"it has neither {ADAPTER} nor config.json, nor a {_FINAL} folder")
    if folder.exists():
        raise ModelNotFoundError(str(path), hint="it is a file: name the model's folder, or the run's")
    raise ModelNotFoundError(str(path))


def is_adapter(folder: Path) -> bool:
    return (folder / ADAPTER).is_file() and not (folder / "config.json").is_file()


def load_any(name: str, base_model: str | None = None, config: ModelConfig | None = None) -> tuple[Any, Any]:
    """Return the model and tokenizer called ``name``: a hub id, a whole model's folder, an adapter's, or a run's.

    An adapter goes on ``base_model``, or else on the base it recorded.

    Raises:
        ModelLoadError: it cannot be found or loaded.
    """
    chosen = config or ModelConfig(name=name)
    if not Path(name).expanduser().exists():
        return load_model_and_tokenizer(replace(chosen, name=name))
    folder = find_folder(name)
    if not is_adapter(folder):
        return load_model_and_tokenizer(replace(chosen, name=str(folder)))
    base = base_model or _recorded_base(folder)
    model, tokenizer = load_model_and_tokenizer(replace(chosen, name=base))
    transformers = load_extra("transformers", extra="train")
    peft = load_extra("peft", extra="train")
    with model_errors(str(folder)), loading_errors(f"the adapter {folder}"):
        _match_vocabulary(model, folder)
        model = peft.PeftModel.from_pretrained(model, str(folder)).eval()
        if (folder / "tokenizer_config.json").is_file():
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _match_vocabulary(model: Any, folder: Path) -> None:
    """Give ``model`` as many rows in its embedding as the one saved with the adapter has, if one was."""
    safetensors = load_extra("safetensors", extra="train")
    table = model.get_input_embeddings().weight
    name = next(name for name, parameter in model.named_parameters() if parameter is table)
    with safetensors.safe_open(str(folder / "adapter_model.safetensors"), framework="pt") as saved:
        key = f"base_model.model.{name}"
        rows = saved.get_slice(key).get_shape()[0] if key in saved.keys() else len(table)  # noqa: SIM118
    if rows != len(table):
        model.resize_token_embeddings(rows, mean_resizing=False)


def _recorded_base(folder: Path) -> str:
    try:
        found = json.loads((folder / ADAPTER).read_bytes()).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelLoadError(str(folder), f"{ADAPTER} cannot be read: {error}") from error
    if not found:
        raise ModelLoadError(str(folder), "the adapter does not say what its base model is", hint="give --base-model")
    return str(found)
