"""The lengths of all rows to what they mean: their spread, what a limit would cut, and what padding would waste."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from forgelm.audit.rows.arrays import Floats, Ints, Ints32, np
from forgelm.base.errors import ConfigError

CountTokens: TypeAlias = Callable[[Sequence[str]], Sequence[int]]
"""Returns the number of tokens of every text, as the run's tokenizer counts them."""

Batching = Literal["any", "group_by_length", "packing"]

_BUCKETS = 40
_NEGLIGIBLE_WASTE = 0.10
_SHORT_ROWS = 0.25
_GROUPED_BATCHES = 50  # how many batches the trainer's length-grouped sampler sorts at a time


@dataclass(frozen=True)
class Histogram:
    """``counts[i]`` rows are from ``edges[i]`` up to, but not including, ``edges[i + 1]`` long."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class LengthSummary:
    """Exact statistics of the rows that are not empty, in the unit they were counted in."""

    rows: int
    min: int
    max: int
    mean: float
    p50: int
    p95: int
    p99: int
    total: int
    histogram: Histogram


@dataclass(frozen=True)
class Truncation:
    """What a limit of ``max_length`` would do: rows it cuts, and the shares (0 to 1) of rows and of tokens lost."""

    max_length: int
    rows: int
    row_share: float
    token_share: float


@dataclass(frozen=True)
class BatchingAdvice:
    """What share (0 to 1) of every batch would be padding, and the way to put rows together that follows.

    ``speedup`` is how many times less is computed without any padding than with random batches.
    """

    batch_size: int
    random_waste: float
    grouped_waste: float
    speedup: float
    mode: Batching
    reason: str


def summarize_lengths(lengths: Ints32) -> LengthSummary | None:
    """Return the statistics of ``lengths``; rows of length 0 are left out; ``None`` when no other is there."""
    filled = np.sort(lengths[lengths > 0])
    if not len(filled):
        return None
    total = int(filled.sum(dtype=np.int64))
    return LengthSummary(
        rows=len(filled),
        min=int(filled[0]),
        max=int(filled[-1]),
        mean=total / len(filled),
        p50=_quantile(filled, 0.50),
        p95=_quantile(filled, 0.95),
        p99=_quantile(filled, 0.99),
        total=total,
        histogram=_histogram(filled),
    )


def measure_truncation(lengths: Ints32, max_length: int) -> Truncation:
    """Return what cutting every row at ``max_length`` loses.

    Raises:
        ConfigError: ``max_length`` is below 1.
    """
    if max_length < 1:
        raise ConfigError(f"max_length must be at least 1, got {max_length}")
    over = lengths[lengths > max_length].astype(np.int64)
    rows, tokens = int((lengths > 0).sum()), int(lengths.sum(dtype=np.int64))
    lost = int((over - max_length).sum())
    return Truncation(max_length, len(over), len(over) / max(rows, 1), lost / max(tokens, 1))


def advise_batching(lengths: Ints32, batch_size: int, *, max_length: int | None = None) -> BatchingAdvice | None:
    """Compare ways to fill batches of ``batch_size`` rows, cut at ``max_length``; ``None`` without rows.

    The waste of random batches is the exact expectation over all ways to draw them. That of grouped batches is for
    rows sorted within draws of 50 batches, as length-grouped samplers do.

    Raises:
        ConfigError: ``batch_size`` is below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {batch_size}")
    filled = np.sort(lengths[lengths > 0]).astype(np.int64)
    if max_length is not None:
        filled = np.minimum(filled, max_length)
    if not len(filled):
        return None
    mean = float(filled.mean())
    size = min(batch_size, len(filled))
    random_waste = 1.0 - mean / _expect_longest(filled, size)
    mode, reason = _choose_mode(random_waste, mean, max_length)
    grouped = 1.0 - mean / _expect_grouped(filled, size)
    return BatchingAdvice(batch_size, random_waste, grouped, 1.0 / (1.0 - random_waste), mode, reason)


def count_tokens(texts: Sequence[str], count: CountTokens) -> Ints32:
    """Return the token lengths of ``texts``."""
    return np.asarray(count(texts), np.int32)


def _quantile(ascending: Ints32, share: float) -> int:
    """Return the shortest length that at least ``share`` of the rows do not exceed."""
    return int(ascending[max(math.ceil(share * len(ascending)) - 1, 0)])


def _histogram(ascending: Ints32) -> Histogram:
    low, high = int(ascending[0]), int(ascending[-1])
    edges = sorted({round(low * ((high + 1) / low) ** (step / _BUCKETS)) for step in range(_BUCKETS + 1)} | {high + 1})
    counts = np.diff(np.searchsorted(ascending, edges))
    return Histogram(tuple(edges), tuple(counts.tolist()))


def _expect_longest(ascending: Ints, size: int) -> float:
    """Return the mean over all batches of ``size`` different rows of the longest in the batch."""
    return float(ascending @ _longest_chances(len(ascending), size))


def _longest_chances(rows: int, size: int) -> Floats:
    """Return for each of ``rows`` rows in ascending order the chance that it is the longest of a random batch.

    It is C(i, size - 1) / C(rows, size) for the row with ``i`` shorter ones: a product of ``size`` factors.
    """
    shorter = np.arange(rows, dtype=np.float64)
    chances = np.full(rows, size / rows)
    for drawn in range(size - 1):
        chances *= np.maximum(shorter - drawn, 0.0) / (rows - 1 - drawn)
    return chances


def _expect_grouped(ascending: Ints, size: int) -> float:
    """Return the mean padded length when draws of 50 batches are sorted and cut into batches: the typical draw."""
    drawn = min(size * _GROUPED_BATCHES, len(ascending))
    places = ((np.arange(drawn) + 0.5) * len(ascending) / drawn).astype(np.int64)
    typical = ascending[places][::-1]
    longest = typical[::size]
    sizes = np.diff(np.append(np.arange(0, drawn, size), drawn))
    padded = float(longest @ sizes) / drawn
    return padded * float(ascending.mean()) / float(typical.mean())


def _choose_mode(waste: float, mean: float, max_length: int | None) -> tuple[Batching, str]:
    if waste < _NEGLIGIBLE_WASTE:
        return "any", f"random batches are {waste:.0%} padding, which is not worth a change"
    if max_length is not None and mean < _SHORT_ROWS * max_length:
        return "packing", (
            f"rows fill {mean / max_length:.0%} of max_length on average and random batches are {waste:.0%} padding; "
            "packing computes neither, with fewer and fuller steps (check learning rate and epochs)"
        )
    return "group_by_length", (
        f"random batches are {waste:.0%} padding; rows of like length together need no special attention kernel"
    )
