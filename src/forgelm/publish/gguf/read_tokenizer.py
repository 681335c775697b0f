"""The tokenizer block of a GGUF file back to a function from text to ids, as llama.cpp would read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.publish.gguf.pretokenizers import TAKE_WHOLE_TOKENS, WAYS, cut_by
from forgelm.publish.gguf.tokenizer import CONTROL, USER_DEFINED


def load_tokeniser(path: Path) -> Callable[[str], list[int]]:
    """Return a function that makes ids of text, special tokens in it included, by what the file at ``path`` says.

    Raises:
        ModelError: the file's tokenizer is not byte-level.
    """
    reader = load_extra("gguf", extra="export").GGUFReader(str(path))
    model, way = (_read(reader, f"tokenizer.ggml.{name}") for name in ("model", "pre"))
    if model != "gpt2" or way not in WAYS:
        raise ModelError(
            f"the tokenizer of {path.name} ({model}, {way}) can only be read by llama.cpp",
            hint="pip install llama-cpp-python",
        )
    tokens, kinds, merges = (_read(reader, f"tokenizer.ggml.{name}") for name in ("tokens", "token_type", "merges"))
    added = [
        {
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
            "id": index,
            "content": token,
            "special": kind == CONTROL,
        }
        for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (CONTROL, USER_DEFINED)
    ]
    content = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": cut_by(WAYS[way]),
        "model": {
            "type": "BPE",
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": merges,
            "ignore_merges": way in TAKE_WHOLE_TOKENS,
        },
    }
    tokenizer = load_extra("tokenizers", extra="train").Tokenizer.from_str(json.dumps(content))

    def tokenise(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    return tokenise


def _read(reader: Any, key: str) -> Any:
    field = reader.get_field(key)
    if field is None:
        raise ModelError(f"the file has no {key}")
    return field.contents()
