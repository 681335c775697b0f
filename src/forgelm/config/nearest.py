"""Guesses which key or word of the configuration a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel

_SIMILAR = 0.6
_ELSEWHERE_SIMILAR = 0.8
_OTHER_NAMES = MappingProxyType(
    {
        "base_model": "model.name_or_path",
        "model_name": "model.name_or_path",
        "model_name_or_path": "model.name_or_path",
        "max_seq_length": "model.max_length",
        "max_seq_len": "model.max_length",
        "sequence_len": "model.max_length",
        "cutoff_len": "model.max_length",
        "rank": "lora.r",
        "lora_r": "lora.r",
        "lora_rank": "lora.r",
        "lora_alpha": "lora.alpha",
        "lora_dropout": "lora.dropout",
        "lora_target": "lora.target_modules",
        "lora_target_modules": "lora.target_modules",
        "batch_size": "training.per_device_train_batch_size",
        "train_batch_size": "training.per_device_train_batch_size",
        "micro_batch_size": "training.per_device_train_batch_size",
        "epochs": "training.num_train_epochs",
        "num_epochs": "training.num_train_epochs",
        "lr": "training.learning_rate",
        "lr_scheduler": "training.lr_scheduler_type",
        "optimizer": "training.optim",
        "group_by_length": "training.train_sampling_strategy",
        "token": "auth.hf_token",
        "dataset": "data.dataset_name_or_path",
        "datasets": "data.dataset_name_or_path",
        "train_file": "data.dataset_name_or_path",
        "val_size": "data.validation_split_ratio",
        "test_split_ratio": "data.validation_split_ratio",
    }
)


def nearest_word(word: str, known: Iterable[str], similar: float = _SIMILAR) -> str | None:
    """Return the known word most like ``word``, or ``None`` when none is."""
    words = {known_word.lower(): known_word for known_word in known}
    found = get_close_matches(word.lower().replace("-", "_"), words, n=1, cutoff=similar)
    found = found or get_close_matches(word.lower(), words, n=1, cutoff=similar)
    return words[found[0]] if found else None


def nearest_key(root: type[BaseModel], section_path: str, key: str) -> str | None:
    """Return the key that ``key`` in section ``section_path`` was meant to be.

    The answer is a bare name when it belongs to that section and a dotted path when it belongs elsewhere.
    """
    paths = tuple(known_paths(root))
    here = f"{section_path}." if section_path else ""
    siblings = [path[len(here) :] for path in paths if path.startswith(here) and "." not in path[len(here) :]]
    elsewhere = {path.rpartition(".")[2]: path for path in reversed(paths)}
    usual = _OTHER_NAMES.get(key.lower().replace("-", "_"), "")
    # Another section's key of that very name is meant less often than this section's key under its usual other name.
    path = usual if usual.startswith(here) and usual else elsewhere.get(key) or usual or None
    if path is None:
        sibling = nearest_word(key, siblings)
        if sibling is not None:
            return sibling
        word = nearest_word(key, elsewhere, _ELSEWHERE_SIMILAR)
        path = elsewhere[word] if word else None
    return path.removeprefix(here) if path and "." not in path.removeprefix(here) else path


def known_paths(root: type[BaseModel]) -> Iterator[str]:
    """Yield the dotted path of every key of ``root``, sections before what they hold."""
    for name, field in root.model_fields.items():
        yield name
        nested = section_of(field.annotation)
        if nested is not None:
            yield from (f"{name}.{path}" for path in known_paths(nested))


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the section class in a field's annotation, or ``None`` when the field is a plain value."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
