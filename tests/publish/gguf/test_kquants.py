"""Round trips through the gguf package's own reading of the blocks, within the error the bits allow."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from forgelm.publish.gguf.kquants import QUANTISERS, quantise_blocks

# Relative error (RMS) of numbers drawn from a normal distribution; llama.cpp's own quantiser reaches the first number.
REACHED = {"Q2_K": 0.297, "Q3_K": 0.151, "Q4_K": 0.0714, "Q5_K": 0.0361, "Q6_K": 0.0178}


def there_and_back(values: np.ndarray, kind: str) -> np.ndarray:
    packed = quantise_blocks(values, kind)
    assert packed.dtype == np.uint8
    assert packed.shape[1] == gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]][1]
    return gguf.quants.dequantize(packed, gguf.GGMLQuantizationType[kind])


@pytest.mark.parametrize("kind", QUANTISERS)
def test_the_error_is_about_that_of_llama_cpp(kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(800, 256)).astype("f4") * 0.02
    back = there_and_back(values, kind)
    error = float(np.sqrt(np.mean((values - back) ** 2) / np.mean(values**2)))
    assert error < REACHED[kind] * 1.03
    assert error > REACHED[kind] * 0.9


@pytest.mark.parametrize("kind", QUANTISERS)
def test_the_scale_of_the_numbers_makes_no_difference(kind: str) -> None:
    values = np.random.default_rng(1).normal(size=(50, 256)).astype("f4")
    for size in (1e-3, 1.0, 100.0):
        back = there_and_back(values * np.float32(size), kind)
        error = np.sqrt(np.mean((values * size - back) ** 2)) / size
        assert error < REACHED[kind] * 1.2


@pytest.mark.parametrize("kind", QUANTISERS)
def test_odd_blocks_are_packed_too(kind: str) -> None:
    blocks = {
        "zeros": np.zeros((1, 256), "f4"),
        "one number": np.full((1, 256), 0.5, "f4"),
        "minus": np.full((1, 256), -0.5, "f4"),
        "one outlier": np.where(np.arange(256) == 7, 1.0, 0.0).astype("f4")[None],
        "a sub-block of zeros": np.where(np.arange(256) < 32, 0.0, 1.0).astype("f4")[None],
        "tiny": np.full((1, 256), 1e-30, "f4"),
    }
    for name, block in blocks.items():
        back = there_and_back(block, kind)
        assert np.isfinite(back).all(), name
        assert float(np.abs(back - block).max()) <= 0.17 * float(np.abs(block).max()) + 1e-6, name


def test_what_the_grid_holds_exactly_comes_back() -> None:
    levels = np.random.default_rng(2).integers(0, 16, (20, 256)).astype("f4")
    levels[:, ::32], levels[:, 1::32] = 0, 15
    assert np.allclose(there_and_back(levels, "Q4_K"), levels, atol=0.02)
