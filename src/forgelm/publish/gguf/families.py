"""The model families that can be exported: their tensors' names in a GGUF file, their metadata, their rotary layout."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.model.positions import read_rope


@dataclass(frozen=True)
class Family:
    """``name`` is llama.cpp's. ``permuted``: rotary pairs stand apart on the hub and side by side in the file."""

    name: str
    permuted: bool = False


FAMILIES = MappingProxyType(
    {
        "LlamaForCausalLM": Family("llama", permuted=True),
        "MistralForCausalLM": Family("llama", permuted=True),
        "Qwen2ForCausalLM": Family("qwen2"),
        "Qwen3ForCausalLM": Family("qwen3"),
    }
)
_COUNTS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
_WHOLE = MappingProxyType(
    {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
)
_PARTS = MappingProxyType(
    {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "self_attn.q_norm": "attn_q_norm",
        "self_attn.k_norm": "attn_k_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
)
_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)")
_LEFT_OUT = re.compile(r".*\.rotary_emb\.inv_freq")


def find_family(config: dict[str, Any]) -> Family:
    """Return the family of a model by its ``config.json``.

    Raises:
        ModelError: it is of another family, or has a part that the family's files have no place for.
    """
    named = config.get("architectures") or []
    name = named[0] if isinstance(named, list) and named else None
    family = FAMILIES.get(name) if isinstance(name, str) else None
    supported = f"supported: {', '.join(sorted(FAMILIES))}"
    if family is None:
        raise ModelError(f"models of the architecture {name or 'unknown'} cannot be exported as GGUF", hint=supported)
    if config.get("hidden_act", "silu") != "silu":
        raise ModelError(f"{name} with hidden_act {config['hidden_act']!r} cannot be exported as GGUF", hint=supported)
    rope = read_rope(config)
    if rope.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) != 1.0:
        raise ModelError(f"{name} with a partial rotary embedding cannot be exported as GGUF", hint=supported)
    for key in _COUNTS:
        if type(config.get(key)) is not int or config[key] < 1:
            raise ModelError(f"config.json has no usable {key}")
    for key in ("num_key_value_heads", "head_dim", "max_position_embeddings"):
        if config.get(key) is not None and (type(config[key]) is not int or config[key] < 1):
            raise ModelError(f"config.json has no usable {key}")
    return family


def check_tensors(family: Family, config: dict[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ``ModelError`` unless ``shapes``, by the names in the file, are those that the configuration describes."""
    hidden, inner, head = config["hidden_size"], config["intermediate_size"], _head(config)
    queries, keys = config["num_attention_heads"] * head, _kv_heads(config) * head
    wanted: dict[str, tuple[int, ...]] = {
        "attn_q": (queries, hidden),
        "attn_k": (keys, hidden),
        "attn_v": (keys, hidden),
        "attn_output": (hidden, queries),
        "ffn_gate": (inner, hidden),
        "ffn_up": (inner, hidden),
        "ffn_down": (hidden, inner),
        "attn_norm": (hidden,),
        "ffn_norm": (hidden,),
        **({"attn_q_norm": (head,), "attn_k_norm": (head,)} if family.name == "qwen3" else {}),
    }
    layers = range(config["num_hidden_layers"])
    expected = {f"blk.{layer}.{part}.weight": shape for layer in layers for part, shape in wanted.items()}
    expected["output_norm.weight"] = (hidden,)
    expected["token_embd.weight"] = (config["vocab_size"], hidden)
    for name, shape in expected.items():
        if shapes.get(name) != shape:
            found = f"is {list(shapes[name])}" if name in shapes else "is missing"
            raise ModelError(f"the weights are not those that config.json describes: {name} {found}, not {list(shape)}")
    more = sorted(name for name in shapes if name.startswith("blk.") and int(name.split(".")[1]) not in layers)
    if more:
        raise ModelError(f"the weights are not those that config.json describes: {more[0]} is beyond its layers")


def target_name(name: str) -> str | None:
    """Return what the tensor ``name`` is called in a GGUF file, ``None`` for one that is computed when it is loaded.

    Raises:
        ModelError: there is no place for such a tensor.
    """
    if name in _WHOLE:
        return _WHOLE[name]
    found = _LAYER.fullmatch(name)
    if found and found[2] in _PARTS:
        return f"blk.{found[1]}.{_PARTS[found[2]]}.{found[3]}"
    if _LEFT_OUT.fullmatch(name):
        return None
    raise ModelError(f"the tensor {name!r} has no place in a GGUF file of this family")


def arrange(name: str, values: Any, family: Family, config: dict[str, Any]) -> Any:
    """Return the tensor in the order of the file: rotary pairs of queries and keys side by side where it wants that."""
    heads = {".attn_q.": config["num_attention_heads"], ".attn_k.": _kv_heads(config)}
    count = next((count for part, count in heads.items() if part in name), None)
    if not family.permuted or count is None:
        return values
    pairs = values.reshape(count, 2, values.shape[0] // count // 2, *values.shape[1:])
    return pairs.swapaxes(1, 2).reshape(values.shape)


def describe_model(family: Family, config: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the metadata that says how the model computes, by key, and notes on what the file cannot say.

    Raises:
        ModelError: its positions are scaled in a way that the files have no word for.
    """
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    head = _head(config)
    rope = read_rope(config)
    context, notes = int(config.get("max_position_embeddings") or 2048), []
    window = config.get("sliding_window")
    if isinstance(window, int) and config.get("use_sliding_window", True) and window < context:
        notes.append(f"the file knows no sliding window: its context length is the window's, {window}, not {context}")
        context = window
    metadata: dict[str, Any] = {
        "context_length": context,
        "embedding_length": hidden,
        "block_count": config["num_hidden_layers"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": heads,
        "attention.head_count_kv": _kv_heads(config),
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": float(config.get("rms_norm_eps", 1e-6)),
        "rope.dimension_count": head,
        "rope.freq_base": float(rope.get("rope_theta", 10000.0)),
        "vocab_size": config["vocab_size"],
        **_scaling(rope),
    }
    return {f"{family.name}.{key}": value for key, value in metadata.items()}, tuple(notes)


def rope_factors(config: dict[str, Any]) -> Any | None:
    """Return by how much each rotary frequency is divided (float32), ``None`` when none is: Llama 3.1's own scaling.

    Long waves are stretched by the factor, short ones not at all, those between by a share (transformers'
    ``rope_type: llama3``).
    """
    rope = read_rope(config)
    if rope.get("rope_type") != "llama3":
        return None
    np = load_extra("numpy", extra="export")
    factor, low, high = (float(rope[key]) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    before = float(rope["original_max_position_embeddings"])
    head = _head(config)
    waves = 2 * math.pi * float(rope.get("rope_theta", 10000.0)) ** (np.arange(0, head, 2, dtype="f8") / head)
    share = np.clip((before / waves - low) / (high - low), 0.0, 1.0)
    return (1.0 / ((1.0 - share) / factor + share)).astype("f4")


def _scaling(rope: dict[str, Any]) -> dict[str, Any]:
    kind = rope["rope_type"]
    if kind in ("default", "llama3"):
        return {}
    if kind not in ("linear", "yarn"):
        raise ModelError(
            f"rope_type {kind!r} has no word in a GGUF file", hint="there are: default, linear, yarn and llama3"
        )
    scaling: dict[str, Any] = {"rope.scaling.type": kind, "rope.scaling.factor": float(rope["factor"])}
    if kind == "yarn" and rope.get("original_max_position_embeddings"):
        scaling["rope.scaling.original_context_length"] = int(rope["original_max_position_embeddings"])
    return scaling


def _head(config: dict[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def _kv_heads(config: dict[str, Any]) -> int:
    return int(config.get("num_key_value_heads") or config["num_attention_heads"])
