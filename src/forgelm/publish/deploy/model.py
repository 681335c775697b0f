"""Looks at a model that is to be served: whole, intact, final, and with which template and end tokens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, ModelError
from forgelm.base.files import INTEGRITY_FILE
from forgelm.evidence.inventory import require_intact
from forgelm.model.merge.adapter import is_adapter
from forgelm.model.merge.state import read_model_config
from forgelm.model.revision import BUILTIN_PREFIX
from forgelm.publish.gguf.template import read_json, read_template
from forgelm.publish.gguf.verify import verify_gguf


@dataclass(frozen=True)
class Served:
    """What is known of a model. ``place`` is an absolute path, or a hub id where ``is_local`` is false."""

    place: str
    name: str
    is_local: bool
    is_gguf: bool
    dtype: str
    template: str | None
    template_file: str | None
    stop: tuple[str, ...]
    special_tokens: Mapping[str, str]
    context_length: int | None
    notes: tuple[str, ...]


def look_at_model(model_path: str, *, needs_folder: bool) -> Served:
    """Return what there is to serve at ``model_path``: a folder, a GGUF file, or a hub id.

    Raises:
        ConfigError: there is nothing there, it is an adapter, or a model that is not final.
        IntegrityError: it was sealed and is not what was sealed.
    """
    path = Path(model_path)
    if model_path.startswith(BUILTIN_PREFIX):
        raise ConfigError(f"{model_path} is a name inside this package", hint="merge or save it into a folder first")
    if not path.exists():
        if needs_folder or path.is_absolute() or model_path.count("/") != 1:
            raise ConfigError(f"there is no folder {model_path}", hint="this target reads the model from a folder")
        return _unknown(model_path)
    if path.is_file():
        return _look_at_file(path)
    _check_folder(path)
    notes = () if (path / INTEGRITY_FILE).exists() else (f"{path} is not sealed: nothing says that it is intact",)
    return _describe(path, notes)


def _check_folder(path: Path) -> None:
    if is_adapter(path):
        raise ConfigError(
            f"{path} holds an adapter, and servers are given whole models",
            hint=f"merge it first: forgelm merge {path} --output DIR",
        )
    read_model_config(path)
    parts = Path(os.path.abspath(path)).parts
    if any(".staging." in part for part in parts[-1:]) or "quarantine" in parts[-3:]:
        raise ConfigError(f"{path} is not a final model: it waits for approval or was refused")
    if (path / INTEGRITY_FILE).exists():
        require_intact(path)


def _look_at_file(path: Path) -> Served:
    if path.suffix.lower() != ".gguf":
        raise ConfigError(f"{path} is neither a model folder nor a .gguf file")
    checked = verify_gguf(str(path))
    if not checked.valid:
        raise ConfigError(f"{path} cannot be served: {checked.reason}")
    return Served(os.path.abspath(path), path.stem, True, True, "auto", None, None, (), {}, None, ())


def _describe(path: Path, notes: tuple[str, ...]) -> Served:
    config = read_model_config(path)
    settings = read_json(path / "tokenizer_config.json")
    template = read_template(path)
    file = path / "chat_template.jinja"
    context = config.get("max_position_embeddings")
    return Served(
        os.path.abspath(path),
        Path(os.path.abspath(path)).name,
        True,
        False,
        str(config.get("dtype") or config.get("torch_dtype") or "bfloat16"),
        template,
        os.path.abspath(file) if file.is_file() else None,
        _stop_tokens(path, settings),
        {role: text for role in ("bos_token", "eos_token") if (text := _token(settings.get(role))) is not None},
        context if type(context) is int else None,
        notes if template else (*notes, "the model has no chat template: it is served as a completion model"),
    )


def _unknown(name: str) -> Served:
    note = f"{name} is taken for a model on the hub; nothing about it was checked"
    return Served(name, name.rpartition("/")[2], False, False, "auto", None, None, (), {}, None, (note,))


def _token(value: Any) -> str | None:
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


def _stop_tokens(path: Path, settings: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts of every token that ends a turn."""
    generation = {**read_model_config(path), **read_json(path / "generation_config.json")}
    ends = generation.get("eos_token_id")
    numbers = ends if isinstance(ends, list) else [ends]
    try:
        added = read_json(path / "tokenizer.json").get("added_tokens") or []
        found = [token["content"] for token in added if token["id"] in numbers]
    except (TypeError, KeyError) as error:
        raise ModelError(f"{path / 'tokenizer.json'} is not a tokenizer") from error
    return tuple(dict.fromkeys([*found, *([end] if (end := _token(settings.get("eos_token"))) else [])]))
