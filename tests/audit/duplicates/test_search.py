"""Duplicates of whole corpora against a slow, obviously correct reference."""

from __future__ import annotations

import random

import pytest
from duplicate_corpora import ENGINES, SPLITS, Reader, Reference, cut_in_splits, find, make_edited

from forgelm.audit.duplicates.candidates import NearSettings
from forgelm.audit.duplicates.clusters import list_clusters


@pytest.mark.parametrize("compiled", ENGINES)
@pytest.mark.parametrize("hamming", [0, 1, 3, 6])
def test_everything_equals_the_reference(hamming: int, compiled: bool) -> None:
    splits = cut_in_splits(make_edited(350, hamming))
    expected = Reference(splits, hamming, 0.8)
    found = find(splits, compiled=compiled, settings=NearSettings(hamming=hamming))
    assert found.candidate_pairs == expected.candidates
    assert found.near_pairs == expected.near
    assert found.near_first.tolist() == expected.first
    assert found.leaked.tolist() == expected.leaked()
    assert found.is_complete and found.is_verified
    assert sum(found.near_pairs.values()) > 20


def test_candidates_count_when_there_is_nothing_to_compare() -> None:
    splits = cut_in_splits(make_edited(350, 9))
    found = find(splits, verify=False, settings=NearSettings(hamming=6))
    expected = Reference(splits, 6, 0.0)
    assert found.near_pairs == found.candidate_pairs == expected.candidates
    assert found.leaked.tolist() == expected.leaked()
    assert not found.is_verified


@pytest.mark.parametrize("compiled", ENGINES)
def test_minhash_finds_what_shares_its_words_and_nothing_else(compiled: bool) -> None:
    splits = cut_in_splits(make_edited(400, 21, words=3000))
    found = find(splits, compiled=compiled, method="minhash", settings=NearSettings(jaccard=0.85))
    expected = Reference(splits, 64, 0.85)
    assert all(0.9 * expected.near[split] <= found.near_pairs[split] <= expected.near[split] for split in SPLITS)
    assert sum(found.near_pairs.values()) > 30
    for row, first in enumerate(found.near_first.tolist()):
        assert expected.first[row] == expected.first[first]


def test_pairs_that_do_not_share_their_words_are_dropped() -> None:
    common = " ".join(["the"] * 200)
    splits = {
        "train": [f"{common} {'alpha beta gamma delta ' * n}" for n in (0, 1, 2)]
        + [f"{common} x{n} y{n} z{n}" for n in range(30)]
    }
    found = find(splits)
    assert found.candidate_pairs["train"] > 400
    assert found.near_pairs["train"] == Reference(splits, 3, 0.8).near["train"] <= 1


def test_a_cluster_of_equal_rows_is_counted_without_its_pairs() -> None:
    texts = ["the very same text, again"] * 2000 + [f"text number {n} of {n * n}" for n in range(18_000)]
    reader = Reader(texts)
    found = find({"train": texts}, reader=reader)
    assert found.near_pairs["train"] >= 2000 * 1999 // 2
    assert list_clusters(found)[0].size >= 2000
    assert reader.total < 4000


def test_a_cluster_of_near_rows_is_verified_in_pieces() -> None:
    chance = random.Random(2)
    base = [f"word{number}" for number in range(200)]
    texts = [" ".join([*base, f"x{chance.randrange(10**9)}"]) for _ in range(1500)]
    reader = Reader(texts)
    full = find({"train": texts}, reader=reader)
    assert full.is_complete and full.near_pairs["train"] > 100_000
    assert reader.most <= 4096 and reader.total <= 1500
    bounded = find({"train": texts}, settings=NearSettings(most_compared=20_000))
    assert not bounded.is_complete
    assert bounded.near_first.tolist() == full.near_first.tolist()
    assert bounded.candidate_pairs == full.candidate_pairs
    assert bounded.near_pairs["train"] < full.near_pairs["train"]


def test_no_rows() -> None:
    found = find({"train": []})
    assert found.near_pairs == {"train": 0} and len(found.near_first) == 0
    assert find({"train": ["", "..."]}).near_pairs == {"train": 0}


def test_corpora_with_known_edits_are_found_with_full_precision() -> None:
    chance = random.Random(5)
    originals = [[f"t{chance.randrange(20_000)}" for _ in range(150)] for _ in range(300)]
    edited = []
    for tokens in originals:
        copy = list(tokens)
        copy[chance.randrange(len(copy))] = "edited"
        edited.append(" ".join(copy))
    texts = [" ".join(tokens) for tokens in originals] + edited
    found = find({"train": texts}, settings=NearSettings(hamming=6))
    reference = Reference({"train": texts}, 6, 0.8)
    pairs = [(row, first) for row, first in enumerate(found.near_first.tolist()) if row != first]
    assert all(reference.jaccard(row, first) >= 0.8 for row, first in pairs)
    assert sum((row - 300) == first for row, first in pairs) > 240


def test_exact_duplicates_are_equal_texts() -> None:
    found = find({"train": ["one two", "two one", "one two", "...", "", "..."], "test": ["One two", "one two", ""]})
    assert found.exact_first.tolist() == [0, 1, 0, 3, 4, 3, 6, 0, 8]
    assert found.near_first.tolist() == [0, 0, 0, 3, 4, 5, 0, 0, 8]
