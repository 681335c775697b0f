"""The choice follows from the lengths and from what is set; lines hold every row once and cost no more than padding."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.base.errors import ConfigError
from forgelm.data.batching import Wanted, choose_batching, fit_lines

CHAT = (np.random.default_rng(0).lognormal(4.3, 0.8, 20_000).astype(int) + 1).tolist()
EVEN = [700, 690, 710] * 200
HALF = list(range(500, 1000))  # too long for any two to fit where one was
ORDERS = ("group_by_length", "random", "sequential")
lengths = st.lists(st.integers(0, 2000), max_size=40)
wishes = st.builds(
    Wanted,
    st.sampled_from([None, "padded", "padding_free", "packing"]),
    st.sampled_from([None, *ORDERS]),
    st.sampled_from([None, "the reason"]),
)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.integers(1, 9))
def test_the_waste_of_random_batches_is_the_mean_over_all_of_them(values: list[int], size: int) -> None:
    found = choose_batching(values, size)
    longest = [max(batch) for batch in combinations(values, min(size, len(values)))]
    useful = np.mean(values) / np.mean(longest)
    assert found.random_waste == pytest.approx(1 - useful)
    assert found.speedup == pytest.approx(1 / useful)


def test_grouping_rows_of_like_length_wastes_little() -> None:
    found = choose_batching(CHAT, 8)
    chance = np.random.default_rng(1)
    drawn = np.array([np.sort(chance.choice(CHAT, 400))[::-1] for _ in range(200)])
    padded = drawn[:, ::8].sum() * 8
    assert found.grouped_waste == pytest.approx(1 - drawn.sum() / padded, abs=0.02)
    assert found.random_waste > 0.4
    assert found.grouped_waste < 0.15


@pytest.mark.parametrize(
    ("rows", "size", "wanted", "mode", "order", "reason"),
    [
        (
            CHAT,
            8,
            Wanted(),
            "padding_free",
            "random",
            "random batches of 8 are 61% padding, and 8% with",
        ),
        (CHAT, 8, Wanted(order="sequential"), "padding_free", "sequential", "joined"),
        (CHAT, 8, Wanted(obstacle="it leaks"), "padded", "group_by_length", "rows are not joined: it leaks"),
        (CHAT, 8, Wanted(obstacle="it leaks", order="random"), "padded", "random", "it leaks"),
        (CHAT, 8, Wanted("padded"), "padded", "group_by_length", "training.padding_free is false"),
        (CHAT, 8, Wanted(order="group_by_length"), "padded", "group_by_length", "train_sampling_strategy is set"),
        (HALF, 8, Wanted(), "padded", "random", "joining their rows would leave"),
        (HALF, 8, Wanted(obstacle="it leaks"), "padded", "group_by_length", "it leaks"),
        (CHAT, 1, Wanted(), "padded", "random", "0% padding, which is not worth a change"),
        (EVEN, 8, Wanted(), "padded", "random", "not worth a change"),
        (EVEN, 8, Wanted("padding_free"), "padding_free", "random", "training.padding_free is set"),
        (CHAT, 8, Wanted("packing"), "packing", "random", "training.packing is set"),
        ([], 8, Wanted(), "padded", "random", "not worth a change"),
    ],
)
def test_the_choice_and_its_reason(
    rows: list[int], size: int, wanted: Wanted, mode: str, order: str, reason: str
) -> None:
    found = choose_batching(rows, size, wanted=wanted)
    assert (found.mode, found.order) == (mode, order)
    assert reason in found.reason


@given(lengths, st.integers(1, 9), wishes)
def test_what_is_set_wins_and_packing_is_never_chosen(values: list[int], size: int, wanted: Wanted) -> None:
    found = choose_batching(values, size, wanted=wanted)
    assert found.order == (wanted.order or found.order)
    assert found.mode == (wanted.mode or found.mode)
    assert found.mode != "packing" or wanted.mode == "packing"
    assert found.mode != "padding_free" or wanted.mode == "padding_free" or wanted.obstacle is None
    assert 0 <= found.random_waste < 1
    assert 0 <= found.grouped_waste < 1
    assert 0 <= found.joined_waste < 1
    assert found.as_record()["summary"] == str(found)


@given(lengths.filter(any), st.integers(1, 9), st.integers(1, 400))
def test_rows_are_cut_at_the_limit_and_empty_ones_do_not_count(values: list[int], size: int, limit: int) -> None:
    cut = [min(value, limit) for value in values if value]
    found, wanted = choose_batching(values, size, max_length=limit), choose_batching(sorted(cut), size)
    assert found == wanted


def test_a_batch_of_no_rows_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size"):
        choose_batching(CHAT, 0)


def cost(values: list[int], lines: list[list[int]]) -> tuple[int, int]:
    """Positions, and pairs of them in attention."""
    width = max(sum(values[index] for index in line) for line in lines)
    return len(lines) * width, len(lines) * width**2


@given(st.lists(st.integers(1, 300), min_size=1, max_size=17))
def test_lines_hold_every_row_once_and_never_cost_more_than_padding(values: list[int]) -> None:
    lines = fit_lines(values)
    assert sorted(index for line in lines for index in line) == list(range(len(values)))
    assert all(lines)
    padded = cost(values, [[index] for index in range(len(values))])
    assert all(mine <= theirs for mine, theirs in zip(cost(values, lines), padded, strict=True))
    assert fit_lines(values) == lines


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([5], [[0]]),
        ([5, 5, 5], [[0], [1], [2]]),
        ([3, 10, 7], [[1], [2, 0]]),
        ([9, 4, 4, 4, 4], [[0], [1, 2], [3, 4]]),
        # Two lines of 10 would be half filler; one of 13 has fewer positions and less attention.
        ([10, 1, 1, 1], [[0, 1, 2, 3]]),
    ],
)
def test_rows_are_joined_where_they_fit(values: list[int], lines: list[list[int]]) -> None:
    assert fit_lines(values) == lines


def test_hardly_anything_of_a_joined_batch_of_chats_is_filler() -> None:
    chance: Any = np.random.default_rng(2)
    batches = [chance.choice(CHAT, 8).tolist() for _ in range(300)]
    real = sum(sum(batch) for batch in batches)
    assert sum(cost(batch, fit_lines(batch))[0] for batch in batches) < 1.12 * real
    assert sum(8 * max(batch) for batch in batches) > 2.2 * real
