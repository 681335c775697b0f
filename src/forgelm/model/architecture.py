"""A model's configuration into the shapes of all its weights, without loading or allocating any of them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Any, Literal

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.config.root import ForgeConfig
from forgelm.model.load import loading_errors, read_architecture, resolve

Role = Literal["linear", "head", "embedding", "expert", "router", "norm", "other"]
_LAYER = re.compile(r"\.(\d+)\.")
_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)\s*([bm])(?![a-z0-9])", re.IGNORECASE)
_ATTENTION = "sdpa"


@dataclass(frozen=True)
class Weight:
    """One parameter. ``inputs`` and ``outputs`` are a linear layer's features; ``layer`` is ``None`` outside layers."""

    name: str
    shape: tuple[int, ...]
    role: Role
    layer: int | None
    inputs: int = 0
    outputs: int = 0

    @property
    def count(self) -> int:
        return prod(self.shape)

    @property
    def module(self) -> str:
        """The dotted name of the module it belongs to."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Architecture:
    """What a model is made of. ``note`` is set where it was guessed, and says from what."""

    model_type: str
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    weights: tuple[Weight, ...]
    experts_per_token: int = 1
    activation: str = "silu"
    attention: str = _ATTENTION
    window: int | None = None
    windowed: frozenset[int] = frozenset()
    longest: int | None = None
    note: str | None = None

    @cached_property
    def parameters(self) -> int:
        """All parameters, shared weights once."""
        return sum(weight.count for weight in self.weights)

    @cached_property
    def layers(self) -> int:
        return len({weight.layer for weight in self.weights if weight.layer is not None})

    def of(self, *roles: Role) -> Iterator[Weight]:
        """Yield the weights of these roles."""
        return (weight for weight in self.weights if weight.role in roles)


@dataclass(frozen=True)
class Dimensions:
    """The numbers that make a model of Llama's build: what is known of one that cannot be read."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    vocabulary: int = 32000
    tied: bool = False


# Typical models by billions of parameters, for a name that says its size and a configuration that cannot be read.
TYPICAL = MappingProxyType(
    {
        0.1: Dimensions(768, 12, 12, 12, 2048, 32000, tied=True),
        0.5: Dimensions(896, 24, 14, 2, 4864, 151936, tied=True),
        1.2: Dimensions(2048, 16, 32, 8, 8192, 128256, tied=True),
        1.7: Dimensions(2048, 28, 16, 8, 6144, 151936, tied=True),
        3.2: Dimensions(3072, 28, 24, 8, 8192, 128256, tied=True),
        4.0: Dimensions(2560, 36, 32, 8, 9728, 151936, tied=True),
        6.7: Dimensions(4096, 32, 32, 32, 11008),
        8.0: Dimensions(4096, 32, 32, 8, 14336, 128256),
        13.0: Dimensions(5120, 40, 40, 40, 13824),
        14.8: Dimensions(5120, 40, 40, 8, 17408, 151936),
        32.5: Dimensions(6656, 60, 52, 52, 17920),
        32.8: Dimensions(5120, 64, 64, 8, 25600, 151936),
        70.6: Dimensions(8192, 80, 64, 8, 28672, 128256),
        72.7: Dimensions(8192, 80, 64, 8, 29568, 152064),
    }
)


def read_model_shapes(config: ForgeConfig) -> Architecture:
    """Return the shapes of ``config.model``: from its configuration, else from the size its name gives.

    Raises:
        ModelError: the name is neither a model's nor a folder's, or a local model's configuration cannot be read.
    """
    if config.model.images is not None:
        raise ModelError(
            "the memory of a model that reads images is not estimated", hint="try a short run, max_steps: 2"
        )
    revision = resolve(config)
    try:
        with loading_errors(f"the configuration of {revision.repo_id}"):
            found = read_architecture(config, revision)
    except ModelError as error:
        if revision.is_local:
            raise
        return _guess(config.model.name_or_path, error)
    return build_shapes(found, attention=config.model.attn_implementation)


def build_shapes(configuration: Any, *, attention: str | None = None) -> Architecture:
    """Return the shapes of the model that transformers would build from ``configuration``.

    Raises:
        ModelError: transformers cannot build it.
    """
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    with loading_errors(f"a model of the type {configuration.model_type}"), torch.device("meta"):
        # Attention code is asked for where it runs; shapes are the same with the plainest.
        # The copy, because transformers would switch a model that already runs with this configuration.
        model = transformers.AutoModelForCausalLM.from_config(copy.deepcopy(configuration), attn_implementation="eager")
    text = configuration.get_text_config()
    heads = int(getattr(text, "num_attention_heads", 0) or 1)
    return Architecture(
        model_type=str(configuration.model_type),
        hidden=int(text.hidden_size),
        heads=heads,
        kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
        head_dim=int(getattr(text, "head_dim", None) or text.hidden_size // heads),
        vocabulary=int(text.vocab_size),
        tied=_is_tied(model),
        weights=tuple(_weights(torch, model)),
        experts_per_token=int(
            getattr(text, "num_experts_per_tok", None) or getattr(text, "num_experts_per_token", None) or 1
        ),
        activation=str(getattr(text, "hidden_act", None) or getattr(text, "hidden_activation", None) or _old(text)),
        attention=attention or _ATTENTION,
        window=getattr(text, "sliding_window", None),
        windowed=_windowed(text),
        longest=getattr(text, "max_position_embeddings", None),
    )


def build_typical(dimensions: Dimensions, *, note: str | None = None) -> Architecture:
    """Return the shapes of a model of Llama's build: vocabulary·h + layers·(2h² + 2·h·kv + 3·h·ffn + 2h) + h."""
    h, head_dim = dimensions.hidden, dimensions.hidden // dimensions.heads
    kv, ffn = dimensions.kv_heads * head_dim, dimensions.ffn
    linears = (
        *(("self_attn.q_proj", h, h), ("self_attn.k_proj", h, kv), ("self_attn.v_proj", h, kv)),
        *(("self_attn.o_proj", h, h), ("mlp.gate_proj", h, ffn), ("mlp.up_proj", h, ffn), ("mlp.down_proj", ffn, h)),
    )
    weights = [Weight("model.embed_tokens.weight", (dimensions.vocabulary, h), "embedding", None)]
    for layer in range(dimensions.layers):
        start = f"model.layers.{layer}."
        weights += [Weight(f"{start}{name}.weight", (o, i), "linear", layer, i, o) for name, i, o in linears]
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights.append(Weight(f"{start}{name}.weight", (h,), "norm", layer))
    weights.append(Weight("model.norm.weight", (h,), "norm", None))
    if not dimensions.tied:
        weights.append(Weight("lm_head.weight", (dimensions.vocabulary, h), "head", None, h, dimensions.vocabulary))
    return Architecture(
        model_type="llama",
        hidden=h,
        heads=dimensions.heads,
        kv_heads=dimensions.kv_heads,
        head_dim=head_dim,
        vocabulary=dimensions.vocabulary,
        tied=dimensions.tied,
        weights=tuple(weights),
        note=note,
    )


def size_in_name(name: str) -> float | None:
    """Return the billions of parameters that a model's name gives: 8.0 for ``Llama-3.1-8B``, 0.5 for ``qwen-0.5b``."""
    found = _SIZE_IN_NAME.findall(name.replace("_", "-"))
    sizes = [float(number) * (1.0 if unit in "bB" else 1e-3) for number, unit in found]
    return max((size for size in sizes if size > 0), default=None)


def nearest_typical(billions: float) -> Dimensions:
    """Return the typical model whose size is nearest, as a ratio."""
    return TYPICAL[min(TYPICAL, key=lambda size: max(size / billions, billions / size))]


def _guess(name: str, error: ModelError) -> Architecture:
    size = size_in_name(name)
    reason = f"its configuration cannot be read here ({error.message.partition(': ')[2] or error.message})"
    if size is None:
        return build_typical(TYPICAL[6.7], note=f"{reason} and its name says no size; a typical 7B model was assumed")
    return build_typical(nearest_typical(size), note=f"{reason}; a typical model of {size:g}B was assumed")


def _weights(torch: Any, model: Any) -> Iterator[Weight]:
    modules = dict(model.named_modules())
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    for name, parameter in model.named_parameters():
        owner = modules[name.rpartition(".")[0]]
        place = _LAYER.search(name)
        layer = int(place[1]) if place and _is_decoder(name) else None
        shape = tuple(int(size) for size in parameter.shape)
        role = _role(torch, name, owner, parameter, head is owner, table is owner)
        inputs, outputs = (0, 0)
        if role in ("linear", "head", "router"):
            # GPT-2's Conv1D keeps its weight the other way round.
            outputs, inputs = shape[::-1] if type(owner).__name__ == "Conv1D" else shape
        elif role == "expert":
            outputs, inputs = shape[-2:]
        yield Weight(name, shape, role, layer, inputs, outputs)


def _role(torch: Any, name: str, owner: Any, parameter: Any, is_head: bool, is_table: bool) -> Role:
    if is_table or isinstance(owner, torch.nn.Embedding):
        return "embedding"
    if is_head and parameter.ndim == 2:
        return "head"
    if parameter.ndim == 3 and "expert" in name:
        return "expert"
    if parameter.ndim == 2 and (isinstance(owner, torch.nn.Linear) or type(owner).__name__ == "Conv1D"):
        return "linear"
    if parameter.ndim == 2 and "router" in type(owner).__name__.lower():
        return "router"
    return "norm" if "norm" in type(owner).__name__.lower() and name.endswith(".weight") else "other"


def _is_decoder(name: str) -> bool:
    return not any(part in name for part in ("vision", "visual", "image", "audio"))


def _is_tied(model: Any) -> bool:
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    return head is None or head.weight is table.weight


def _windowed(text: Any) -> frozenset[int]:
    """Return the layers whose attention looks back ``sliding_window`` tokens only."""
    if getattr(text, "sliding_window", None) is None:
        return frozenset()
    kinds = getattr(text, "layer_types", None) or ["sliding_attention"] * int(text.num_hidden_layers)
    return frozenset(place for place, kind in enumerate(kinds) if kind == "sliding_attention")


def _old(text: Any) -> str:
    return str(getattr(text, "activation_function", "silu"))
