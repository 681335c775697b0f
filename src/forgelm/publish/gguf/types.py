"""The types of the GGUF format as tables: scalars of the metadata, and how tensor numbers are packed into blocks."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

MAGIC = b"GGUF"
STRING, ARRAY, BOOL = 8, 9, 7
DEFAULT_ALIGNMENT = 32
# Of metadata values, by number: struct's letter.
SCALARS = MappingProxyType({0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"})


class Packing(NamedTuple):
    """How one tensor type packs: its name, numbers per block, bytes per block."""

    name: str
    numbers: int
    size: int


# ggml's own list of tensor types (ggml.h); the gaps are types it has given up.
PACKINGS = MappingProxyType(
    {
        0: Packing("F32", 1, 4),
        1: Packing("F16", 1, 2),
        2: Packing("Q4_0", 32, 18),
        3: Packing("Q4_1", 32, 20),
        6: Packing("Q5_0", 32, 22),
        7: Packing("Q5_1", 32, 24),
        8: Packing("Q8_0", 32, 34),
        9: Packing("Q8_1", 32, 40),
        10: Packing("Q2_K", 256, 84),
        11: Packing("Q3_K", 256, 110),
        12: Packing("Q4_K", 256, 144),
        13: Packing("Q5_K", 256, 176),
        14: Packing("Q6_K", 256, 210),
        15: Packing("Q8_K", 256, 292),
        16: Packing("IQ2_XXS", 256, 66),
        17: Packing("IQ2_XS", 256, 74),
        18: Packing("IQ3_XXS", 256, 98),
        19: Packing("IQ1_S", 256, 50),
        20: Packing("IQ4_NL", 32, 18),
        21: Packing("IQ3_S", 256, 110),
        22: Packing("IQ2_S", 256, 82),
        23: Packing("IQ4_XS", 256, 136),
        24: Packing("I8", 1, 1),
        25: Packing("I16", 1, 2),
        26: Packing("I32", 1, 4),
        27: Packing("I64", 1, 8),
        28: Packing("F64", 1, 8),
        29: Packing("IQ1_M", 256, 56),
        30: Packing("BF16", 1, 2),
        34: Packing("TQ1_0", 256, 54),
        35: Packing("TQ2_0", 256, 66),
        39: Packing("MXFP4", 32, 17),
        40: Packing("NVFP4", 64, 36),
        41: Packing("Q1_0", 128, 18),
    }
)
