"""A tokenizer's files to the tokenizer block of a GGUF file: tokens with their kinds, merges or scores, special ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.pretokenizers import find_way
from forgelm.publish.gguf.template import read_json

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_KINDS_HINT = "byte-level BPE (GPT-2, Llama 3, Qwen) and SentencePiece-style BPE (Llama 2, Mistral) are supported"


@dataclass(frozen=True)
class TokenizerBlock:
    """What the file says about tokens. ``model`` is ``gpt2`` (byte-level) or ``llama`` (SentencePiece-style).

    ``extra`` are the remaining metadata by key below ``tokenizer.ggml``: special ids and switches.
    """

    model: str
    way: str
    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    scores: tuple[float, ...]
    extra: dict[str, int | bool]


def read_tokenizer(folder: Path, rows: int, generation: dict[str, Any]) -> TokenizerBlock:
    """Return the block for a model with ``rows`` rows in its embedding; rows without a token get an unused one.

    ``generation`` is the model's generation configuration, which may name more than one token that ends a turn.

    Raises:
        ModelError: there is no ``tokenizer.json``, or it is of a kind that llama.cpp cannot do.
    """
    try:
        return _read(folder, rows, generation)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(f"the tokenizer in {folder} is broken: {type(error).__name__}: {error}") from error


def _read(folder: Path, rows: int, generation: dict[str, Any]) -> TokenizerBlock:
    content = read_json(folder / "tokenizer.json")
    model = content.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE" or not isinstance(model.get("vocab"), dict):
        found = model.get("type") if isinstance(model, dict) else "no tokenizer.json"
        raise ModelError(f"the tokenizer in {folder} cannot be exported: {found}", hint=_KINDS_HINT)
    added = [token for token in content.get("added_tokens") or [] if isinstance(token, dict)]
    tokens = _number_tokens(model["vocab"], added, rows)
    special = _special_tokens(read_json(folder / "tokenizer_config.json"), content)
    kinds = _kinds(tokens, added, model)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model.get("merges") or []]
    extra = _special_ids(tokens, special, generation) | _ends(content, special)
    if model.get("byte_fallback"):
        extra["add_space_prefix"] = _has_prefix(content)
        scores = _scores(tokens, model["vocab"], merges)
        return TokenizerBlock("llama", "default", tuple(tokens), tuple(kinds), (), tuple(scores), extra)
    _check_byte_level(folder, content)
    return TokenizerBlock("gpt2", find_way(content), tuple(tokens), tuple(kinds), tuple(merges), (), extra)


def _number_tokens(vocabulary: dict[str, int], added: list[dict[str, Any]], rows: int) -> list[str]:
    by_id = {index: token for token, index in vocabulary.items()}
    by_id |= {token["id"]: token["content"] for token in added}
    if any(type(index) is not int or index < 0 for index in by_id):
        raise ModelError("the tokenizer has ids that are not 0, 1, 2, ...")
    highest = max(by_id, default=-1)
    if highest >= rows:
        raise ModelError(f"the tokenizer has ids up to {highest}, but the model's embedding has {rows} rows")
    return [by_id.get(index, f"[PAD{index}]") for index in range(rows)]


def _kinds(tokens: list[str], added: list[dict[str, Any]], model: dict[str, Any]) -> list[int]:
    kinds = [NORMAL if token in model["vocab"] else UNUSED for token in tokens]
    if model.get("byte_fallback"):
        for byte in range(256):
            index = model["vocab"].get(f"<0x{byte:02X}>")
            if index is not None:
                kinds[index] = BYTE
    for token in added:
        kinds[token["id"]] = CONTROL if token.get("special") else USER_DEFINED
    unknown = model["vocab"].get(model.get("unk_token"))
    if unknown is not None:
        kinds[unknown] = UNKNOWN
    return kinds


def _scores(tokens: list[str], vocabulary: dict[str, int], merges: list[str]) -> list[float]:
    """Return scores under which joining the best-scored pair first is joining the pair merged first in training."""
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        left, _, right = merge.partition(" ")
        ranks.setdefault(left + right, rank)
    lowest = len(merges)
    return [-float(ranks.get(token, lowest)) if token in vocabulary else 0.0 for token in tokens]


def _special_tokens(settings: dict[str, Any], content: dict[str, Any]) -> dict[str, str]:
    """Return the texts of the special tokens by role, as the tokenizer's configuration names them."""
    found = {}
    for role in ("bos", "eos", "unk", "pad"):
        value = settings.get(f"{role}_token")
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            found[role] = text
    return found


def _special_ids(tokens: list[str], special: dict[str, str], generation: dict[str, Any]) -> dict[str, int | bool]:
    ids = {token: index for index, token in enumerate(tokens)}
    names = {"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id", "pad": "padding_token_id"}
    found: dict[str, int | bool] = {names[role]: ids[text] for role, text in special.items() if text in ids}
    ends = generation.get("eos_token_id")
    others = [
        end for end in (ends if isinstance(ends, list) else [ends]) if type(end) is int and 0 <= end < len(tokens)
    ]
    if "eos_token_id" not in found and others:
        found["eos_token_id"] = others[0]
    turn = [end for end in others if end != found.get("eos_token_id")]
    if turn:
        found["eot_token_id"] = turn[0]
    return found


def _ends(content: dict[str, Any], special: dict[str, str]) -> dict[str, int | bool]:
    """Return whether the tokenizer puts its first and last token around a text by itself."""
    around = [set(), set()]  # type: list[set[str]]
    for step in _processors(content.get("post_processor")):
        pieces = step.get("single") or []
        names = [piece["SpecialToken"]["id"] if "SpecialToken" in piece else None for piece in pieces]
        if None in names:
            at = names.index(None)
            around[0] |= {name for name in names[:at] if name}
            around[1] |= {name for name in names[at:] if name}
    return {"add_bos_token": special.get("bos") in around[0], "add_eos_token": special.get("eos") in around[1]}


def _processors(step: Any) -> Iterator[dict[str, Any]]:
    if isinstance(step, dict):
        yield step
        for inner in step.get("processors") or []:
            yield from _processors(inner)


def _has_prefix(content: dict[str, Any]) -> bool:
    """Return whether text gets a space in front before it is cut."""
    normalizer, cut = content.get("normalizer"), content.get("pre_tokenizer")
    steps = (normalizer.get("normalizers") or [normalizer]) if isinstance(normalizer, dict) else []
    prepends = any(step.get("type") == "Prepend" for step in steps)
    marked = isinstance(cut, dict) and cut.get("type") == "Metaspace" and cut.get("prepend_scheme", "always") != "never"
    return prepends or marked


def _check_byte_level(folder: Path, content: dict[str, Any]) -> None:
    normalizer = content.get("normalizer")
    if normalizer is not None and normalizer.get("type") != "NFC":
        raise ModelError(
            f"the tokenizer in {folder} changes text before cutting it ({normalizer.get('type')}), which the file "
            "cannot say",
            hint=_KINDS_HINT,
        )
    cut = content.get("pre_tokenizer") or {}
    steps = cut.get("pretokenizers") or [cut]
    if not any(step.get("type") == "ByteLevel" for step in steps):
        raise ModelError(f"the tokenizer in {folder} does not work on bytes", hint=_KINDS_HINT)
