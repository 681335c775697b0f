"""What must hold of every way to merge: a model with itself is that model, order is nothing, chance has a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forgelm.model.merge.methods import derive_seed, merge_dare, merge_linear, merge_slerp, merge_ties

# As fine as float16: then differences are exact in float64.
NUMBERS = st.floats(-8, 8, width=16)
TENSORS = arrays("f4", (3, 7), elements=NUMBERS)
SEEDS = [derive_seed(1, "t", "a"), derive_seed(1, "t", "b")]


@given(TENSORS, TENSORS)
def test_a_model_with_itself_is_that_model(base: Any, model: Any) -> None:
    for weights in ([0.5, 0.5], [0.25, 0.75]):
        assert np.array_equal(merge_linear([model, model], weights), model)
        assert np.array_equal(merge_slerp([model, model], weights), model)
        assert np.array_equal(merge_ties(base, [model, model], weights, trim_fraction=0.0), model)
        assert np.array_equal(merge_dare(base, [model, model], weights, drop_rate=0.0, seeds=SEEDS), model)


@given(TENSORS, st.floats(0, 1), st.floats(0, 1))
def test_the_base_with_itself_is_the_base(base: Any, trim: float, drop: float) -> None:
    assert np.array_equal(merge_ties(base, [base, base], [0.5, 0.5], trim_fraction=trim), base)
    assert np.array_equal(merge_dare(base, [base, base], [0.5, 0.5], drop_rate=drop, seeds=SEEDS), base)


@given(TENSORS, TENSORS, st.floats(0, 1, width=16))
def test_the_ends_of_the_arc_are_the_models(one: Any, two: Any, share: float) -> None:
    assert np.allclose(merge_slerp([one, two], [1.0, 0.0]), one, atol=1e-5)
    assert np.allclose(merge_slerp([one, two], [0.0, 1.0]), two, atol=1e-5)
    there, back = merge_slerp([one, two], [1 - share, share]), merge_slerp([two, one], [share, 1 - share])
    assert np.allclose(there, back, atol=1e-5)


def test_the_arc_keeps_the_length() -> None:
    one, two = np.array([[3.0, 0.0]], "f4"), np.array([[0.0, 3.0]], "f4")
    middle = merge_slerp([one, two], [0.5, 0.5])
    assert np.allclose(middle, 3 / np.sqrt(2))
    assert np.allclose(merge_linear([one, two], [0.5, 0.5]), 1.5)


def test_ties_trims_elects_and_averages() -> None:
    base = np.zeros(4, "f4")
    one = np.array([4.0, -1.0, 0.1, 2.0], "f4")
    two = np.array([2.0, 3.0, -5.0, -4.0], "f4")
    # A quarter of each is trimmed: 0.1 and 2.0. Signs: +, a draw (plus), -, a draw (plus).
    merged = merge_ties(base, [one, two], [0.5, 0.5], trim_fraction=0.25)
    assert merged.tolist() == [4.0, 3.0, -5.0, 2.0]
    assert merge_ties(base, [one, two], [0.5, 0.5], trim_fraction=1.0).tolist() == base.tolist()
    weighted = merge_ties(base, [one, np.array([2.0, 1.0, 1.0, 1.0], "f4")], [0.75, 0.25], trim_fraction=0.0)
    assert weighted.tolist() == [3.5, 1.0, pytest.approx(0.325), 1.75]


def test_dare_keeps_the_expected_difference() -> None:
    base, model = np.zeros(200_000, "f4"), np.ones(200_000, "f4")
    merged = merge_dare(base, [model], [1.0], drop_rate=0.3, seeds=SEEDS[:1])
    assert set(np.unique(merged).tolist()) == {0.0, float(np.float32(1 / 0.7))}
    assert abs(float(merged.mean()) - 1.0) < 0.01
    assert not merge_dare(base, [model], [1.0], drop_rate=1.0, seeds=SEEDS[:1]).any()


def test_the_same_seed_drops_the_same_numbers() -> None:
    base, model = np.zeros(1000, "f4"), np.ones(1000, "f4")

    def merge(seed: int, tensor: str = "t", source: str = "a") -> list[float]:
        drawn: list[float] = merge_dare(
            base, [model], [1.0], drop_rate=0.5, seeds=[derive_seed(seed, tensor, source)]
        ).tolist()
        return drawn

    assert merge(1) == merge(1)
    assert all(merge(1) != other for other in (merge(2), merge(1, "u"), merge(1, "t", "b")))


@pytest.mark.parametrize("method", [merge_linear, merge_slerp])
def test_blocks_make_no_difference(method: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    one, two = (draw.normal(size=(50, 33)).astype("f4") for _ in range(2))
    whole = method([one, two], [0.3, 0.7])
    monkeypatch.setattr("forgelm.model.merge.methods._BLOCK", 64)
    assert np.allclose(method([one, two], [0.3, 0.7]), whole, atol=1e-7)
    first, *rest = (merge_dare(one, [two], [1.0], drop_rate=0.4, seeds=SEEDS[:1]) for _ in range(2))
    assert np.array_equal(first, rest[0])
