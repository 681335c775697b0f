"""The order of rows: every row once, the same wherever (seed, epoch) is the same, little padding, longest first."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.train.order import EpochOrder, GroupOrder, step_seed

STRATEGIES = ("random", "sequential", "group_by_length")
EXAMPLES = settings(max_examples=150, deadline=None, database=None, derandomize=True)


def order(
    lengths: Sequence[int], *, batch_size: int = 4, seed: int = 42, epoch: int = 0, strategy: str = "group_by_length"
) -> list[int]:
    sampler = EpochOrder(lengths, batch_size=batch_size, seed=seed, strategy=strategy)
    sampler.set_epoch(epoch)
    return list(sampler)


def batches(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    return [indices[at : at + size] for at in range(0, len(indices), size)]


def padding(lengths: Sequence[int], indices: Sequence[int], size: int) -> int:
    """Return how many pad tokens fill the batches up to their longest row."""
    return sum(
        max(lengths[i] for i in batch) * len(batch) - sum(lengths[i] for i in batch) for batch in batches(indices, size)
    )


def skewed(count: int) -> list[int]:
    """Return lengths as chat data has them: many short rows, a few very long ones."""
    rng = random.Random(1)
    return [int(min(4000, rng.lognormvariate(5, 1))) + 1 for _ in range(count)]


@EXAMPLES
@given(
    lengths=st.lists(st.integers(1, 5000), max_size=700),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 5),
    strategy=st.sampled_from(STRATEGIES),
)
def test_every_row_comes_exactly_once(
    lengths: list[int], batch_size: int, seed: int, epoch: int, strategy: str
) -> None:
    indices = order(lengths, batch_size=batch_size, seed=seed, epoch=epoch, strategy=strategy)
    assert sorted(indices) == list(range(len(lengths)))


@EXAMPLES
@given(lengths=st.lists(st.integers(1, 5000), min_size=1, max_size=700), batch_size=st.integers(1, 9))
def test_only_the_last_batch_is_short_and_the_first_holds_the_longest_row(lengths: list[int], batch_size: int) -> None:
    made = batches(order(lengths, batch_size=batch_size), batch_size)
    full = [batch for batch in made if len(batch) == batch_size]
    assert len(full) == len(lengths) // batch_size
    assert full == made[: len(full)]
    if full:
        longest_of_full = max(lengths[index] for batch in full for index in batch)
        assert max(lengths[index] for index in full[0]) == longest_of_full


def test_the_longest_row_is_in_the_first_batch_unless_it_stands_in_the_short_one() -> None:
    lengths = skewed(1000)
    assert lengths.index(max(lengths)) in order(lengths, batch_size=8)[:8]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_order_is_a_function_of_seed_and_epoch_alone(strategy: str) -> None:
    lengths = skewed(300)
    sampler = EpochOrder(lengths, batch_size=4, seed=42, strategy=strategy)
    first = list(sampler)
    sampler.set_epoch(3)
    third = list(sampler)
    sampler.set_epoch(0)
    random.seed(99)
    assert list(sampler) == first == list(sampler)
    assert third == order(lengths, epoch=3, strategy=strategy)
    changes = strategy != "sequential"
    assert (third != first) is changes
    assert (order(lengths, seed=43, strategy=strategy) != first) is changes


def test_seed_and_epoch_are_not_mixed_up() -> None:
    lengths = [1] * 100
    orders = {tuple(order(lengths, seed=seed, epoch=epoch)) for seed in (1, 11, 111) for epoch in (1, 11, 111)}
    assert len(orders) == 9


def test_sequential_is_the_order_of_the_data() -> None:
    assert order([3, 1, 2], strategy="sequential", epoch=2) == [0, 1, 2]


def test_every_process_makes_the_same_order() -> None:
    code = (
        "from forgelm.train.order import EpochOrder as O\n"
        "print(list(O([i * 7919 % 501 for i in range(500)], batch_size=4, seed=42, strategy='group_by_length')))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in (0, 1, 2)
    }
    assert outputs == {f"{order([i * 7919 % 501 for i in range(500)])}\n"}


@pytest.mark.parametrize("count", [64, 500, 5000])
@pytest.mark.parametrize("batch_size", [2, 8])
def test_grouping_needs_far_less_padding_than_chance(count: int, batch_size: int) -> None:
    lengths = skewed(count)

    def mean_padding(strategy: str) -> float:
        epochs: Iterable[int] = range(3)
        wasted = [
            padding(lengths, order(lengths, batch_size=batch_size, epoch=e, strategy=strategy), batch_size)
            for e in epochs
        ]
        return sum(wasted) / len(wasted)

    # With few batches the blocks are small, so that epochs differ in their batches.
    limit = 0.3 if count // batch_size > 100 else 0.75
    assert mean_padding("group_by_length") < limit * mean_padding("random")


def test_grouping_does_not_train_from_long_to_short() -> None:
    lengths = skewed(4000)
    made = batches(order(lengths, batch_size=4), 4)
    means = [sum(lengths[i] for i in batch) / len(batch) for batch in made]
    first, second = means[1 : len(means) // 2], means[len(means) // 2 :]
    assert 0.8 < (sum(first) / len(first)) / (sum(second) / len(second)) < 1.25


def test_the_epochs_of_a_run_put_different_rows_together() -> None:
    lengths = [100] * 400
    together = [{frozenset(batch) for batch in batches(order(lengths, epoch=epoch), 4)} for epoch in (0, 1)]
    assert len(together[0] & together[1]) < 5


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_length_of_the_sampler(strategy: str) -> None:
    assert len(EpochOrder([5, 6, 7], batch_size=2, seed=0, strategy=strategy)) == 3
    assert order([], strategy=strategy) == []


def test_groups_hold_whole_prompts_and_the_rest_is_left_out() -> None:
    rows = EpochOrder([1] * 7, batch_size=1, seed=3, strategy="random")
    groups = GroupOrder(rows, prompts=2, replies=2, repeats=2)
    first = list(groups)
    assert len(first) == len(groups) == 3 * 2 * 2 * 2
    for step in batches(first, 8):
        assert step[:4] == step[4:]
        assert (step[0], step[2]) == (step[1], step[3])
    groups.set_epoch(1)
    assert list(groups) != first
    assert sorted({*first}) != list(range(7))


def test_seeds_of_steps_do_not_repeat() -> None:
    seeds = {step_seed(seed, step, micro) for seed in range(4) for step in range(20) for micro in range(4)}
    assert len(seeds) == 320
    assert all(0 <= seed < 2**32 for seed in seeds)
