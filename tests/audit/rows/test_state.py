"""What is kept of every row: small, and the same however the rows were divided."""

from __future__ import annotations

import random
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.minhash import Bands
from forgelm.audit.rows.state import KeptRows, RowSettings, RowState, hash_bands, measure_batch, merge_states

ROWS = {"train": [f"row {n} of many rows, number {n % 7}." for n in range(40)], "test": ["row 3 of many", "", "..."]}


def _collect(cuts: list[int], order: random.Random, settings: RowSettings) -> tuple[KeptRows, dict[str, range]]:
    engine = load_engine(compiled=False)
    states = []
    for split, rows in ROWS.items():
        edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
        for begin, end in pairwise(edges):
            states.append(measure_batch(TextBatch.from_texts(rows[begin:end]), split, begin, engine, settings))
    order.shuffle(states)
    while len(states) > 1:
        first, second = states.pop(order.randrange(len(states))), states.pop(order.randrange(len(states)))
        states.append(first.merge(second))
    return states[0].collect(ROWS)


@given(
    st.lists(st.integers(0, 40), max_size=5), st.randoms(use_true_random=False), st.sampled_from(["simhash", "minhash"])
)
@settings(max_examples=25, deadline=None)
def test_any_division_and_any_order_of_merging_gives_the_same(
    cuts: list[int], order: random.Random, method: str
) -> None:
    options = RowSettings(method=method)  # type: ignore[arg-type]
    rows, ranges = _collect(cuts, order, options)
    whole, _ = _collect([], random.Random(0), options)
    assert ranges == {"train": range(40), "test": range(40, 43)}
    assert all(np.array_equal(getattr(rows, column.name), getattr(whole, column.name)) for column in fields(KeptRows))


@pytest.mark.parametrize(("method", "bytes_per_row"), [("simhash", 49), ("minhash", 53)])
def test_a_row_takes_no_more_than_64_bytes(method: str, bytes_per_row: int) -> None:
    rows, _ = _collect([], random.Random(0), RowSettings(method=method))  # type: ignore[arg-type]
    assert rows.bytes_per_row == bytes_per_row


def test_quality_can_be_left_out() -> None:
    rows, _ = _collect([], random.Random(0), RowSettings(quality=False))
    assert not rows.quality.any()


def test_no_rows() -> None:
    rows, ranges = RowState().collect(["train"])
    assert len(rows) == 0 and ranges == {"train": range(0)}
    assert merge_states([]) == RowState()


def test_bands_agree_where_all_values_of_a_group_do() -> None:
    signatures = np.array([[1, 2, 3, 4, 9], [1, 2, 3, 5, 8], [2, 1, 3, 4, 7]], np.uint32)
    keys = hash_bands(signatures, Bands(2, 2))
    assert keys.shape == (3, 2)
    assert keys[0, 0] == keys[1, 0] != keys[2, 0]
    assert keys[0, 1] == keys[2, 1] != keys[1, 1]
