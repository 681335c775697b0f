"""MinHash of one text: how well it estimates, and how bands are chosen."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from forgelm.audit.rows.minhash import Bands, choose_bands, compute_minhash, permutations
from forgelm.base.errors import ConfigError


def _texts_sharing(share: float, words: int, chance: random.Random) -> tuple[str, str]:
    both = round(share * words)
    names = [f"w{chance.getrandbits(48)}" for _ in range(2 * words - both)]
    return " ".join(names[:words]), " ".join(names[words - both :])


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_the_estimate_is_unbiased_and_as_exact_as_theory_says(share: float) -> None:
    chance = random.Random(1)
    errors = []
    for _ in range(120):
        a, b = _texts_sharing(share, 60, chance)
        exact = len(set(a.split()) & set(b.split())) / len(set(a.split()) | set(b.split()))
        first, second = compute_minhash(a), compute_minhash(b)
        assert first is not None and second is not None
        errors.append(first.jaccard(second) - exact)
    expected = math.sqrt(exact * (1 - exact) / 128)
    assert abs(statistics.mean(errors)) < 4 * expected / math.sqrt(120)
    assert 0.75 * expected < statistics.stdev(errors) < 1.3 * expected


def test_repeated_words_change_nothing() -> None:
    assert compute_minhash("a b c") == compute_minhash("C b b a a a")


def test_a_text_without_a_word_has_none() -> None:
    assert compute_minhash("...") is None


def test_signatures_of_different_lengths_are_refused() -> None:
    long, short = compute_minhash("a b"), compute_minhash("a b", num_perm=16)
    assert long is not None and short is not None
    with pytest.raises(ConfigError, match="128 and 16"):
        long.jaccard(short)


def test_no_permutation_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        compute_minhash("a", num_perm=0)


def test_permutations_are_one_to_one_and_different() -> None:
    functions = permutations(256)
    assert all(factor % 2 for factor, _ in functions)
    assert len(set(functions)) == 256


@pytest.mark.parametrize("jaccard", [0.3, 0.5, 0.7, 0.85, 0.95, 1.0])
def test_bands_find_pairs_at_the_threshold(jaccard: float) -> None:
    bands = choose_bands(jaccard, 128)
    assert bands.recall(jaccard) >= 0.85
    assert bands.bands * bands.rows <= 128
    assert bands.bands <= 9
    longer = Bands(min(9, 128 // (bands.rows + 1)), bands.rows + 1)
    assert bands.rows == 128 or longer.recall(jaccard) < 0.85


def test_bands_of_few_permutations() -> None:
    assert choose_bands(0.85, 1) == Bands(1, 1)


@pytest.mark.parametrize("jaccard", [0.0, -0.1, 1.1])
def test_thresholds_outside_zero_to_one_are_refused(jaccard: float) -> None:
    with pytest.raises(ConfigError, match="minhash_jaccard"):
        choose_bands(jaccard, 128)
