"""One text to a MinHash signature, whose agreement with another estimates how many of their words two texts share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from forgelm.audit.rows.tokens import hash_token, scramble, tokenize
from forgelm.base.errors import ConfigError

DEFAULT_MINHASH_JACCARD = 0.85
DEFAULT_MINHASH_NUM_PERM = 128

_MASK = 0xFFFF_FFFF


@dataclass(frozen=True)
class MinHash:
    """The least of every permutation over the distinct tokens of a text, 32 bits each."""

    values: tuple[int, ...]

    def jaccard(self, other: MinHash) -> float:
        """Estimate the share of distinct tokens in common, 0 to 1; its standard error is at most 0.5 / sqrt(num_perm).

        Raises:
            ConfigError: the signatures have different lengths.
        """
        if len(self.values) != len(other.values):
            raise ConfigError(f"signatures of {len(self.values)} and {len(other.values)} values cannot be compared")
        return sum(a == b for a, b in zip(self.values, other.values, strict=True)) / len(self.values)


@dataclass(frozen=True)
class Bands:
    """Signatures are compared in ``bands`` groups of ``rows`` values; texts that agree in one group are candidates."""

    bands: int
    rows: int

    def recall(self, jaccard: float) -> float:
        """The probability that two texts with this Jaccard similarity become candidates."""
        return 1.0 - (1.0 - jaccard**self.rows) ** self.bands


def compute_minhash(text: str, *, num_perm: int = DEFAULT_MINHASH_NUM_PERM) -> MinHash | None:
    """Return the MinHash signature of ``text``, or ``None`` for a text without a word.

    No optional package is needed, so ``None`` never means that one is missing.

    Raises:
        ConfigError: ``num_perm`` is below 1.
    """
    values = [hash_token(token) & _MASK for token in set(tokenize(text))]
    functions = permutations(num_perm)
    if not values:
        return None
    return MinHash(tuple(min((factor * value + shift) & _MASK for value in values) for factor, shift in functions))


@cache
def permutations(num_perm: int) -> tuple[tuple[int, int], ...]:
    """Return the functions ``factor * x + shift`` modulo 2**32 (factors odd) that stand for random permutations.

    Raises:
        ConfigError: ``num_perm`` is below 1.
    """
    if num_perm < 1:
        raise ConfigError(f"minhash_num_perm must be at least 1, got {num_perm}")
    return tuple((scramble(2 * i) & _MASK | 1, scramble(2 * i + 1) & _MASK) for i in range(num_perm))


def choose_bands(jaccard: float, num_perm: int, *, max_bands: int = 9, least_recall: float = 0.85) -> Bands:
    """Return the bands with the longest groups, so the fewest false candidates, that still find pairs at ``jaccard``.

    ``least_recall`` is the chance to find a pair exactly at the threshold; pairs above it are found more surely.
    ``max_bands`` bounds what is kept of a row: 4 bytes a band.

    Raises:
        ConfigError: ``jaccard`` is not above 0 and at most 1, or ``num_perm`` is below 1.
    """
    if num_perm < 1:
        raise ConfigError(f"minhash_num_perm must be at least 1, got {num_perm}")
    if not 0.0 < jaccard <= 1.0:
        raise ConfigError(f"minhash_jaccard must be above 0 and at most 1, got {jaccard}")
    choices = [Bands(min(max_bands, num_perm // rows), rows) for rows in range(num_perm, 0, -1)]
    return next((choice for choice in choices if choice.recall(jaccard) >= least_recall), choices[-1])
