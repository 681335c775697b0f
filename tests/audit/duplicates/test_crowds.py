"""Crowds: the clusters and leaks are those of all pairs, though few are compared."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from duplicate_corpora import ENGINES, Reader, Reference, cut_in_splits, find, make_edited
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.duplicates import crowds
from forgelm.audit.duplicates.candidates import NearSettings

CROWD = NearSettings(most_compared=0)


def _number(chance: random.Random, rows: int) -> list[str]:
    """One text with another number in every row."""
    text = " ".join(f"word{number}" for number in range(chance.choice([4, 8, 20, 60])))
    return [f"{text} {chance.randrange(10**6)}" for _ in range(rows)]


def _templates(chance: random.Random, rows: int) -> list[str]:
    """Some texts with two words of a few filled in, near to each other in one, both or neither."""
    texts = [" ".join(chance.choices([f"w{n}" for n in range(40)], k=chance.randrange(5, 14))) for _ in range(4)]
    return [f"{chance.randrange(4)}a {chance.choice(texts)} {chance.randrange(30)}b" for _ in range(rows)]


def _drowned(chance: random.Random, rows: int) -> list[str]:
    """Equal fingerprints, other words; some rows share enough of them."""
    words = [f"x{number}" for number in range(40)]
    kept = [chance.sample(words, 10) for _ in range(5)]
    return ["the " * 200 + " ".join([*chance.choice(kept)[:9], *chance.sample(words, 2)]) for _ in range(rows)]


def _chain(chance: random.Random, rows: int) -> list[str]:
    """Every row is near to the next ones only: clusters that no row stands in the middle of."""
    texts = ["the " * 100 + " ".join(f"c{row + n}" for n in range(15)) for row in range(rows)]
    chance.shuffle(texts)
    return texts


SHAPES = [_number, _templates, _drowned, _chain]


def _mix(chance: random.Random, shape: Callable[[random.Random, int], list[str]], rows: int) -> list[str]:
    texts = [*shape(chance, rows), *make_edited(rows // 4, chance.randrange(1000))]
    texts += chance.choices(texts, k=rows // 10)
    chance.shuffle(texts)
    return texts


@pytest.mark.parametrize("compiled", ENGINES)
@pytest.mark.parametrize("shape", SHAPES)
def test_clusters_and_leaks_equal_the_reference(
    shape: Callable[[random.Random, int], list[str]], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, at_once in enumerate((1 << 13, 64, 3)):
        monkeypatch.setattr(crowds, "_PAIRS_AT_ONCE", at_once)
        splits = cut_in_splits(_mix(random.Random(seed), shape, 150))
        expected = Reference(splits, 3, 0.8)
        found = find(splits, compiled=compiled, settings=CROWD)
        assert found.near_first.tolist() == expected.first
        assert found.leaked.tolist() == expected.leaked()
        assert found.candidate_pairs == expected.candidates
        assert not found.is_complete
        assert all(found.near_pairs[split] <= expected.near[split] for split in splits)
        assert sum(found.near_pairs.values()) > 0


def test_more_splits_than_bits_in_a_byte() -> None:
    texts = _mix(random.Random(6), _templates, 200)
    splits = {f"part{number}": texts[number::11] for number in range(11)}
    expected = Reference(splits, 3, 0.8)
    found = find(splits, settings=CROWD)
    assert (found.near_first.tolist(), found.leaked.tolist()) == (expected.first, expected.leaked())


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9), min_size=4, max_size=40),
    st.sampled_from([0, 3, 12, 64]),
    st.sampled_from([0.0, 0.5, 0.8]),
)
@settings(max_examples=100, deadline=None)
def test_any_short_rows_equal_the_reference(rows: list[list[str]], hamming: int, jaccard: float) -> None:
    splits = cut_in_splits([" ".join(row) for row in rows])
    expected = Reference(splits, hamming, jaccard)
    found = find(splits, settings=NearSettings(hamming, jaccard, most_compared=0))
    assert (found.near_first.tolist(), found.leaked.tolist()) == (expected.first, expected.leaked())


@pytest.mark.parametrize("shape", SHAPES)
def test_crowds_of_bands_make_the_clusters_of_their_pairs(shape: Callable[[random.Random, int], list[str]]) -> None:
    splits = cut_in_splits(_mix(random.Random(4), shape, 300))
    every = find(splits, method="minhash", settings=NearSettings(jaccard=0.85))
    found = find(splits, method="minhash", settings=NearSettings(jaccard=0.85, most_compared=0))
    assert found.near_first.tolist() == every.near_first.tolist()
    assert found.leaked.tolist() == every.leaked.tolist()
    assert every.is_complete and not found.is_complete
    for split in splits:
        assert found.near_pairs[split] <= every.near_pairs[split]
        assert found.near_pairs[split] <= found.candidate_pairs[split] <= every.candidate_pairs[split]


def test_candidates_of_a_crowd_count_when_there_is_nothing_to_compare() -> None:
    splits = cut_in_splits(_mix(random.Random(5), _number, 150))
    expected = Reference(splits, 3, 0.0)
    found = find(splits, verify=False, settings=CROWD)
    assert (found.near_first.tolist(), found.leaked.tolist()) == (expected.first, expected.leaked())
    assert found.near_pairs == found.candidate_pairs == expected.candidates


def test_what_is_compared_grows_with_the_rows() -> None:
    base = " ".join(f"word{number}" for number in range(30))
    for rows in (2_000, 16_000):
        reader = Reader([f"{base} {row}" for row in range(rows)])
        found = find({"train": list(reader.rows)}, reader=reader, settings=NearSettings(most_compared=100_000))
        assert np.unique(found.near_first).tolist() == [0]
        assert found.near_pairs["train"] < 30 * rows < found.candidate_pairs["train"] // 5
        assert reader.most <= 4096 and reader.total <= 2 * rows
