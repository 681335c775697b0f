"""The numbers of weight files to float32 arrays and back: bfloat16 has no type in numpy, so it is made of bits."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from forgelm.base.extras import load_extra

# Safetensors' names of the types that can be computed with, and the bytes each number takes.
FLOAT_SIZES = MappingProxyType({"F64": 8, "F32": 4, "F16": 2, "BF16": 2})
SIZES = MappingProxyType(
    {
        **FLOAT_SIZES,
        **dict.fromkeys(("I64", "U64"), 8),
        **dict.fromkeys(("I32", "U32"), 4),
        **dict.fromkeys(("I16", "U16"), 2),
        **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1),
    }
)
# What transformers writes as ``dtype`` into config.json.
NAMES = MappingProxyType({"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"})
_NUMPY = MappingProxyType({"F64": "<f8", "F32": "<f4", "F16": "<f2"})


def decode_floats(data: bytes | bytearray | memoryview, dtype: str) -> Any:
    """Return the numbers in ``data`` as a flat float32 array; ``dtype`` is one of ``FLOAT_SIZES``."""
    np = load_extra("numpy", extra="train")
    if dtype == "BF16":
        wide = np.frombuffer(data, dtype="<u2").astype("<u4")
        return np.left_shift(wide, 16, out=wide).view("<f4")
    return np.frombuffer(data, dtype=_NUMPY[dtype]).astype("<f4", copy=False)


def encode_floats(values: Any, dtype: str) -> Any:
    """Return ``values`` (any shape, float32 or float64) rounded to ``dtype``, as a contiguous array of its bytes.

    Rounds to nearest, ties to even, as the libraries do. What float16 has no number for becomes infinite there.
    """
    np = load_extra("numpy", extra="train")
    if dtype != "BF16":
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(values, dtype=_NUMPY[dtype]).reshape(-1).view("u1")
    bits = np.ascontiguousarray(values, dtype="<f4").reshape(-1).view("<u4")
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1)).astype("<u4")) >> 16
    # Adding could carry a NaN over into infinity or zero; it stays a quiet NaN.
    not_a_number = (bits & 0x7FFFFFFF) > 0x7F800000
    rounded = np.where(not_a_number, (bits >> 16) | 0x40, rounded)
    return rounded.astype("<u2").view("u1")
