"""A GGUF file as something that reads text and replies: in llama.cpp where it is installed, else in transformers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import is_installed, load_extra

_LONGEST = 4096


@dataclass(frozen=True)
class Served:
    """``tokenise`` turns text with special tokens in it into ids; ``reply`` goes on greedily after ids.

    ``end_ids`` end a reply and are no part of it. ``engine`` names what ran the file.
    """

    engine: str
    tokenise: Callable[[str], list[int]]
    reply: Callable[[Sequence[int], int], list[int]]


def load_served(path: Path, tokenise: Callable[[str], list[int]], end_ids: frozenset[int]) -> Served:
    """Load the file at ``path``. ``tokenise`` reads text by the file's own vocabulary where llama.cpp is not there.

    Raises:
        ModelError: the engine cannot load the file.
    """
    if is_installed("llama_cpp"):
        return _load_llama(path, end_ids)
    return _load_transformers(path, tokenise, end_ids)


def _load_llama(path: Path, end_ids: frozenset[int]) -> Served:
    library = load_extra("llama_cpp", extra="llama")
    try:
        model = library.Llama(str(path), n_ctx=_LONGEST, verbose=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"llama.cpp does not load {path.name}: {error}") from error

    def tokenise(text: str) -> list[int]:
        return [int(token) for token in model.tokenize(text.encode(), add_bos=False, special=True)]

    def reply(ids: Sequence[int], count: int) -> list[int]:
        said: list[int] = []
        for token in model.generate(list(ids), top_k=1, temp=0.0, repeat_penalty=1.0):
            if token in end_ids or len(said) == count:
                break
            said.append(int(token))
        return said

    return Served(f"llama.cpp (llama-cpp-python {library.__version__})", tokenise, reply)


def _load_transformers(path: Path, tokenise: Callable[[str], list[int]], end_ids: frozenset[int]) -> Served:
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(path.parent), gguf_file=path.name, dtype=torch.float32, local_files_only=True
        ).eval()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, struct.error) as error:
        raise ModelError(f"transformers does not load {path.name}: {str(error).splitlines()[0]}") from error

    def reply(ids: Sequence[int], count: int) -> list[int]:
        return continue_greedily(model, ids, count, end_ids)

    return Served(f"transformers {transformers.__version__}", tokenise, reply)


def continue_greedily(model: Any, ids: Sequence[int], count: int, end_ids: frozenset[int]) -> list[int]:
    """Return the ``count`` likeliest tokens after ``ids``, each after those before it, up to one that ends."""
    torch = load_extra("torch", extra="train")
    prompt = torch.tensor([list(ids)], device=model.device)
    with torch.no_grad():
        output = model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=count,
            do_sample=False,
            pad_token_id=min(end_ids, default=0),
            repetition_penalty=1.0,
        )
    said: list[int] = output[0, prompt.shape[1] :].tolist()
    return said[: next((at for at, token in enumerate(said) if token in end_ids), len(said))]
