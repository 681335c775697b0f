"""What the layers keep for the backward pass, in bytes, operation by operation as transformers writes them. Pure.

Followed with autograd's own hooks on models of eight families; ``tests/train/memory/test_activations.py`` repeats that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from forgelm.model.architecture import Architecture, Weight

# Layers whose input no other layer of their block shares; their name ends in one of these.
_LAST = ("o_proj", "out_proj", "c_proj", "dense", "down_proj", "fc2", "w2", "dense_4h_to_h", "wo")
_GATED = ("gate_proj", "up_proj", "gate_up_proj", "w1", "w3")
# The old GELU is written as eight operations, of which autograd keeps four results.
_SEVERAL = ("gelu_new", "gelu_fast")


@dataclass(frozen=True)
class Pass:
    """One pass of ``rows`` sequences of ``length`` tokens, and what decides what it keeps.

    ``width`` and ``residual`` are the bytes of a number in a product and between the layers. ``rank`` is 0 where all
    weights learn; ``adapted`` are the names of the weights with an adapter, ``adapter_width`` the bytes of its numbers,
    ``noise_width`` those that its dropout keeps for each of its inputs.
    ``masked`` is true where attention gets a mask in full: rows of several lengths, or several in one sequence.
    """

    rows: int
    length: int
    width: int
    residual: int
    learns: bool
    adapted: frozenset[str] = frozenset()
    rank: int = 0
    adapter_width: int = 4
    noise_width: int = 0
    attention: str = "sdpa"
    masked: bool = False
    fused: bool = False

    @property
    def positions(self) -> int:
        return self.rows * self.length


@dataclass(frozen=True)
class Layers:
    """Bytes kept: by each decoder layer, by what stands outside them, and at the border of each layer."""

    each: tuple[float, ...]
    outside: float
    border: float
    # What the backward pass of the hungriest layer needs beside what was kept.
    workspace: float
    # Weights in 16 bits beside the 32-bit ones that learn, of all layers and of the largest.
    copies: float
    largest_copy: float

    @cached_property
    def total(self) -> float:
        return sum(self.each)

    @property
    def largest(self) -> float:
        return max(self.each, default=0.0)


def measure_layers(architecture: Architecture, seen: Pass) -> Layers:
    """Return what one forward pass keeps."""
    inside = sorted(
        (weight for weight in architecture.weights if weight.layer is not None), key=lambda weight: weight.layer or 0
    )
    blocks = [list(block) for _, block in groupby(inside, key=lambda weight: weight.layer)]
    casts = seen.learns and seen.width == 2
    copies = [
        2.0 * sum(weight.count for weight in block if weight.role == "linear") if casts else 0.0 for block in blocks
    ]
    outer = [weight for weight in architecture.of("norm") if weight.layer is None]
    return Layers(
        each=tuple(_layer(architecture, block, seen) for block in blocks),
        outside=sum(_norm(architecture, weight, outer, seen) for weight in outer)
        + 8 * seen.positions * seen.learns
        + 2 * seen.length * architecture.head_dim * seen.width,
        border=float(seen.positions * architecture.hidden * seen.residual),
        workspace=max((_workspace(architecture, block, seen) for block in blocks), default=0.0),
        copies=sum(copies),
        largest_copy=max(copies, default=0.0),
    )


def _layer(architecture: Architecture, weights: Sequence[Weight], seen: Pass) -> float:
    return (
        sum(_norm(architecture, weight, weights, seen) for weight in weights if weight.role == "norm")
        + sum(
            _linear_inputs(architecture, weight, weights, seen)
            for weight in weights
            if weight.role in ("linear", "router")
        )
        + _attention(architecture, seen, layer=weights[0].layer)
        + _feed_forward(architecture, weights, seen)
    )


def _norm(architecture: Architecture, norm: Weight, block: Iterable[Weight], seen: Pass) -> float:
    """A root-mean-square norm keeps its input in 32 bits, a factor a position, and what it weights, if that learns."""
    size, repeats = norm.shape[-1], 1
    if norm.layer is not None and size != architecture.hidden and size == architecture.head_dim:
        repeats = architecture.kv_heads if "k_" in norm.module else architecture.heads
    numbers = seen.positions * size * repeats
    if any(other.module == norm.module and other.name.endswith(".bias") for other in block) or seen.fused:
        return numbers * (seen.residual if seen.fused else 4) + 8 * seen.positions * repeats
    again = 4 * numbers if seen.learns else 0
    return 4 * numbers + 4 * seen.positions * repeats + again


def _linear_inputs(architecture: Architecture, weight: Weight, block: Sequence[Weight], seen: Pass) -> float:
    """The input of a linear layer is kept where its weight, or an adapter's, learns from it."""
    share = _share(architecture, weight, block)
    numbers = seen.positions * weight.inputs * share
    if seen.learns:
        if seen.width == 2:
            # Under autocast each of them makes its own 16-bit copy, but attention's result is in 16 bits already.
            return 0.0 if _takes_attention(weight, seen) else 2.0 * numbers
        return 0.0 if _takes_attention(weight, seen) or not _first(weight, block, seen) else 4.0 * numbers
    if weight.name not in seen.adapted:
        return 0.0
    inner = seen.positions * seen.rank * seen.width * share
    if seen.noise_width:
        return numbers * (seen.width + seen.noise_width) + inner
    if seen.width == 2 and seen.adapter_width == 4:
        return 2.0 * numbers + inner
    shared = _takes_attention(weight, seen) or not _first(weight, block, seen)
    return inner + (0.0 if shared else seen.width * numbers)


def _attention(architecture: Architecture, seen: Pass, *, layer: int | None) -> float:
    heads = architecture.heads * architecture.head_dim
    keys = architecture.kv_heads * architecture.head_dim
    if seen.attention == "eager":
        # Keys and values are repeated for each head, the scores kept in 32 bits and once more as they are multiplied.
        scores = architecture.heads * seen.length * (4 + (2 if seen.width == 2 else 0))
        return seen.positions * (seen.width * 3 * heads + scores)
    short_sighted = layer in architecture.windowed and seen.length > (architecture.window or seen.length)
    masked = (seen.masked or short_sighted) and not _is_flash(seen)
    # With a mask, keys and values are repeated for each head, and its kernel wants the mask as numbers in every layer.
    repeated = heads if masked else keys
    mask = seen.positions * seen.length * seen.width if masked else 0
    return seen.positions * (seen.width * 2 * (heads + repeated) + 4 * architecture.heads) + mask


def _feed_forward(architecture: Architecture, weights: Sequence[Weight], seen: Pass) -> float:
    experts = [weight for weight in weights if weight.role == "expert"]
    if experts:
        return _experts(architecture, experts, weights, seen)
    ups = [weight for weight in weights if weight.role == "linear" and _short(weight) in _GATED]
    gated = bool(ups)
    if not gated:
        ups = [weight for weight in weights if _short(weight) in ("c_fc", "fc1", "dense_h_to_4h", "up", "wi")]
        return sum(
            seen.positions * weight.outputs * seen.width * (4 if architecture.activation in _SEVERAL else 1)
            for weight in ups
        )
    # The gate before and after its activation, and what it is multiplied with; fused kernels keep the first and last.
    width = sum(weight.outputs * _share(architecture, weight, weights) for weight in ups) / 2
    return seen.positions * width * seen.width * (2 if seen.fused else 3)


def _experts(architecture: Architecture, experts: list[Weight], block: Sequence[Weight], seen: Pass) -> float:
    """Each token passes ``experts_per_token`` experts; their inputs are gathered, their outputs weighted."""
    used = seen.positions * architecture.experts_per_token
    inner = min(weight.inputs for weight in experts if weight.inputs != architecture.hidden) if experts else 0
    hidden = architecture.hidden
    # Products of packed experts are no part of what autocast takes down to 16 bits.
    width = 4 if seen.learns else seen.width
    kept = used * width * (3 * inner + hidden)
    if seen.learns or any(weight.name in seen.adapted for weight in experts):
        kept += used * width * (hidden + inner)
    # An adapter of packed experts is added to a copy of their weights, which is kept.
    kept += sum(weight.count * seen.width for weight in experts if weight.name in seen.adapted)
    shared = sum(
        seen.positions * weight.outputs * seen.width
        for weight in block
        if weight.role == "linear" and "shared" in weight.name and _short(weight) in _GATED
    )
    return kept + shared * 1.5


def _workspace(architecture: Architecture, block: Sequence[Weight], seen: Pass) -> float:
    """Return what the backward pass of one layer needs on top of what was kept, at its worst.

    First come the gradients of the widest products, then, when the feed-forward part is done, those of attention.
    """
    ups = [w.outputs * _share(architecture, w, block) for w in block if w.role == "linear" and _short(w) in _GATED]
    wide = max(sum(ups) / 2 if ups else 0.0, *(0.0 + weight.inputs for weight in block if weight.role == "linear"))
    experts = [weight for weight in block if weight.role == "expert"]
    if experts:
        wide = max(wide, float(min(weight.inputs for weight in experts) * architecture.experts_per_token))
    # An adapter in 32 bits takes the gradient of a product in 16 bits up once more.
    upward = 4 if seen.adapted and seen.width < seen.adapter_width else 0
    moving = seen.positions * wide * (2 * seen.width + upward)
    if seen.attention == "eager":
        scores = 4.0 * seen.positions * seen.length * architecture.heads
        attention = scores * (2.0 if seen.width == 4 else 1.5)
    else:
        attention = (
            2.0 * seen.positions * seen.width * (architecture.heads + architecture.kv_heads) * architecture.head_dim
        )
    learning = [w.count for w in block if w.role in ("linear", "expert") and (seen.learns or w.role == "expert")]
    gradient = max((count * seen.width for count in learning if seen.learns or seen.adapted), default=0)
    return max(moving, attention - _feed_forward(architecture, block, seen)) + gradient


def _share(architecture: Architecture, weight: Weight, block: Sequence[Weight]) -> float:
    """Return how often a token passes ``weight``: an expert that is a layer of its own sees only some of them."""
    if "experts." not in weight.name or "shared" in weight.name:
        return 1.0
    same = sum(
        other.role == "linear" and "experts." in other.name and _short(other) == _short(weight) for other in block
    )
    return architecture.experts_per_token / max(same, 1)


def _first(weight: Weight, block: Sequence[Weight], seen: Pass) -> bool:
    """Tell whether ``weight`` is the first of those that read the same tensor and keep it."""
    if _short(weight) in _LAST:
        return True
    keeps = (
        other
        for other in block
        if other.role == "linear"
        and other.module.rpartition(".")[0] == weight.module.rpartition(".")[0]
        and other.inputs == weight.inputs
        and _short(other) not in _LAST
        and (seen.learns or other.name in seen.adapted)
    )
    return next(keeps, weight) is weight


def _takes_attention(weight: Weight, seen: Pass) -> bool:
    """Tell whether ``weight`` reads attention's result, which a fused kernel has kept already."""
    return "attn" in weight.module and _short(weight) in _LAST and seen.attention != "eager"


def _short(weight: Weight) -> str:
    return weight.module.rpartition(".")[2]


def _is_flash(seen: Pass) -> bool:
    return "flash" in seen.attention
