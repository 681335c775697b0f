from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.data.mix import count_shares, mix_rows
from forgelm.data.rows import Row


@pytest.mark.parametrize(
    ("sizes", "weights", "counts"),
    [
        ([100, 100], [0.5, 0.5], [100, 100]),
        ([100, 100], [3, 1], [100, 33]),
        ([30, 70], [0.3, 0.7], [30, 70]),
        ([100, 10], [1, 1], [10, 10]),
        ([100, 50, 20], [1, 1, 0], [50, 50, 0]),
        ([10, 10, 10], [0.1, 0.2, 0.3], [3, 7, 10]),
        ([5], [1], [5]),
    ],
)
def test_the_largest_mix_with_these_shares(sizes: list[int], weights: list[float], counts: list[int]) -> None:
    assert count_shares(sizes, weights) == counts


sources = st.lists(st.tuples(st.integers(1, 5000), st.floats(0.01, 10)), min_size=1, max_size=5)


@settings(deadline=None, database=None)
@given(sources)
def test_no_row_twice_and_no_share_off_by_more_than_a_row(pairs: list[tuple[int, float]]) -> None:
    sizes, weights = [size for size, _ in pairs], [weight for _, weight in pairs]
    counts = count_shares(sizes, weights)
    total = sum(counts)
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))
    assert all(
        abs(count - total * weight / math.fsum(weights)) <= 1.001 for count, weight in zip(counts, weights, strict=True)
    )
    # one more round of rows would need more of some dataset than it has
    grown = total + len(sizes) + 1
    assert any(grown * weight / math.fsum(weights) > size for size, weight in zip(sizes, weights, strict=True))


def test_rows_are_chosen_by_seed_and_all_others_recorded() -> None:
    first = [Row({"text": str(number)}, "a", number) for number in range(1, 101)]
    second = [Row({"text": str(number)}, "b", number, "p") for number in range(1, 11)]
    taken, skipped = mix_rows([first, second], [1, 1], seed=3)
    assert ([len(rows) for rows in taken], len(skipped)) == ([10, 10], 90)
    assert taken == mix_rows([first, second], [1, 1], seed=3)[0] != mix_rows([first, second], [1, 1], seed=4)[0]
    assert {row.number for row in taken[0]} | {row.number for row in skipped} == set(range(1, 101))
    assert {row.reason for row in skipped} == {"data.mix_ratio"}
    assert taken[0] == sorted(taken[0], key=lambda row: row.number)


def test_without_weights_every_row_is_taken() -> None:
    rows = [Row({"text": "a"}, "a", 1)]
    assert mix_rows([rows, rows * 3], None, seed=1) == ([rows, rows * 3], [])
