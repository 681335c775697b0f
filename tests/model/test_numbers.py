from __future__ import annotations

import numpy as np
import pytest
import torch

from forgelm.model.numbers import decode_floats, encode_floats


def test_bfloat16_is_what_torch_makes_of_it() -> None:
    bits = np.arange(0, 1 << 32, 65_521, dtype="u4")
    values = np.concatenate([bits.view("f4"), np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 3.4e38], "f4")])
    ours = encode_floats(values, "BF16").view("u2")
    theirs = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view("u2")
    numbers = ~np.isnan(values)
    assert np.array_equal(ours[numbers], theirs[numbers])
    assert np.isnan(decode_floats(ours[~numbers].tobytes(), "BF16")).all()


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_there_and_back_is_the_same(dtype: str) -> None:
    values = np.array([[0.0, -1.5, 2.0], [0.25, 1024.0, -0.0]], "f4")
    data = encode_floats(values, dtype).tobytes()
    assert np.array_equal(decode_floats(data, dtype).reshape(2, 3), values)
    assert decode_floats(data, dtype).dtype == np.float32


def test_float16_overflows_to_infinity() -> None:
    assert decode_floats(encode_floats(np.array([1e6], "f4"), "F16").tobytes(), "F16")[0] == np.inf
