from __future__ import annotations

import gguf
import numpy as np
import pytest

from forgelm.publish.gguf.quantise import kind_number, packed_size, quantise
from forgelm.publish.gguf.types import PACKINGS

KINDS = ("F16", "F32", "Q4_0", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_are_as_many_as_announced_and_hold_the_numbers(kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(3000, 512)).astype("f4")
    packed = quantise(values, kind)
    assert packed.nbytes == packed_size(values.shape, kind)
    back = gguf.quants.dequantize(packed, gguf.GGMLQuantizationType(kind_number(kind)))
    assert float(np.sqrt(np.mean((values - back) ** 2))) < 0.3


def test_rows_that_cannot_be_packed_are_an_error() -> None:
    with pytest.raises(ValueError, match="Q4_K packs 256 numbers at a time"):
        quantise(np.zeros((2, 128), "f4"), "Q4_K")
    with pytest.raises(ValueError, match="Q8_0 packs"):
        quantise(np.zeros(64, "f4"), "Q8_0")


def test_vectors_stay_as_they_are() -> None:
    assert quantise(np.arange(3, dtype="f4"), "F32").tolist() == [0.0, 1.0, 2.0]
    assert {packing.name for packing in PACKINGS.values()} >= set(KINDS)
