"""Which tensor is packed how: llama.cpp's mixtures, so that a file is of the size and quality its name promises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from forgelm.publish.gguf.types import PACKINGS

_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.weight")
_NUMBERS = MappingProxyType({packing.name: packing.numbers for packing in PACKINGS.values()})
# What packs rows whose length is no multiple of 256, and at last any row.
_INSTEAD = MappingProxyType({"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"})


@dataclass(frozen=True)
class Quant:
    """A quantisation by its name on the command line; ``file_type`` is llama.cpp's number for the mixture."""

    name: str
    file_type: int
    main: str


QUANTS = MappingProxyType(
    {
        quant.name: quant
        for quant in (
            Quant("q2_k", 10, "Q2_K"),
            Quant("q3_k_m", 12, "Q3_K"),
            Quant("q4_k_m", 15, "Q4_K"),
            Quant("q5_k_m", 17, "Q5_K"),
            Quant("q8_0", 7, "Q8_0"),
            Quant("f16", 1, "F16"),
        )
    }
)


@dataclass(frozen=True)
class Outline:
    """What of a model decides about packing: layers, query heads per key head, and whether it has an output layer."""

    layers: int
    heads_per_key: int
    has_output: bool


def choose_packing(name: str, shape: tuple[int, ...], quant: Quant, outline: Outline) -> str:
    """Return the type that the tensor ``name`` is stored as. Vectors stay as they are, whatever the quantisation."""
    if len(shape) < 2 or "norm" in name:
        return "F32"
    wanted = _wish(name, quant.main, outline)
    if shape[-1] % _NUMBERS[wanted]:
        wanted = _INSTEAD.get(wanted, "F16")
    return "F16" if shape[-1] % _NUMBERS[wanted] else wanted


def _wish(name: str, main: str, outline: Outline) -> str:
    if main in ("F16", "Q8_0"):
        return main
    if name == "output.weight" or (name == "token_embd.weight" and not outline.has_output):
        return "Q6_K"
    found = _BLOCK.fullmatch(name)
    if found is None:
        return main
    layer, part = int(found[1]), found[2]
    if part == "attn_v":
        return _wish_values(layer, main, outline)
    if part == "ffn_down":
        return _wish_down(layer, main, outline)
    if part == "attn_output":
        return {"Q2_K": "Q3_K", "Q3_K": "Q4_K"}.get(main, main)
    return main


def _wish_values(layer: int, main: str, outline: Outline) -> str:
    if main == "Q2_K":
        return "Q4_K" if outline.heads_per_key >= 4 else "Q3_K"
    if main == "Q3_K":
        return "Q5_K" if layer < 2 else "Q4_K"
    return "Q6_K" if _deserves_more(layer, outline.layers) else main


def _wish_down(layer: int, main: str, outline: Outline) -> str:
    if main == "Q2_K":
        return "Q3_K"
    if main == "Q3_K":
        if layer < outline.layers // 16:
            return "Q5_K"
        return "Q4_K" if _deserves_more(layer, outline.layers) else "Q3_K"
    return "Q6_K" if _deserves_more(layer, outline.layers) else main


def _deserves_more(layer: int, layers: int) -> bool:
    """The first and last eighth, and of those between every third."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
