"""What a model folder needs beside its weights: configuration, tokenizer with its template, licence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.files import write_json
from forgelm.model.merge.state import State
from forgelm.model.numbers import NAMES

_TOKENIZER = (
    *("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "chat_template.jinja", "spiece.model", "vocab.txt"),
)
_MODEL = ("generation_config.json", "preprocessor_config.json", "processor_config.json")
_PAPERS = ("LICENSE*", "NOTICE*", "USE_POLICY*")


def copy_companions(target: Path, base: Path, tokenizers: Sequence[Path] = ()) -> Path:
    """Copy what belongs to the model but is no weight, and return the folder the tokenizer came from.

    The tokenizer is that of the first of ``tokenizers`` that has one, whole, else the base's: an adapter's folder
    has the template it was trained with.
    """
    source = next((place for place in tokenizers if (place / "tokenizer_config.json").is_file()), base)
    for name in _TOKENIZER:
        _copy(source / name, target)
    if (source / "chat_templates").is_dir():
        shutil.copytree(source / "chat_templates", target / "chat_templates")
    for name in _MODEL:
        _copy(base / name, target)
    for pattern in _PAPERS:
        for path in sorted(base.glob(pattern)):
            _copy(path, target)
    return source


def write_model_config(target: Path, state: State, dtype: str | None) -> Path:
    """Write ``config.json`` of the merged model: the base's, with what merging changed about it."""
    config: dict[str, Any] = {**state.config}
    text = config["text_config"] = {**config["text_config"]} if isinstance(config.get("text_config"), dict) else config
    if text is config:
        del config["text_config"]
    if state.splits_tie:
        text["tie_word_embeddings"] = config["tie_word_embeddings"] = False
    rows = next((item.shape[0] for item in state.plan() if item.name == state.table), None)
    if rows is not None and "vocab_size" in text:
        text["vocab_size"] = rows
    if dtype is not None:
        name = "torch_dtype" if "torch_dtype" in config else "dtype"
        config[name] = NAMES[dtype]
    return write_json(target / "config.json", config)


def check_token_ids(folder: Path, rows: int) -> None:
    """Raise ``ModelError`` when the tokenizer in ``folder`` makes ids that an embedding of ``rows`` rows lacks."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return
    try:
        content = json.loads(path.read_bytes())
        vocabulary = content["model"].get("vocab") or ()
        ids = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
        highest = max([*ids, *(token["id"] for token in content.get("added_tokens") or ())], default=-1) + 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelError(f"{path} is not a tokenizer") from None
    if highest >= rows:
        raise ModelError(
            f"the tokenizer has ids up to {highest}, but the merged model's embedding has {rows} rows",
            hint="the adapter was trained on a larger vocabulary without saving it: save_embedding_layers=True",
        )


def _copy(path: Path, target: Path) -> None:
    if path.is_file():
        shutil.copyfile(path, target / path.name)
