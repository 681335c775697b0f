"""The lengths of all rows to what they mean: their spread, what a limit would cut, and the batches they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from forgelm.audit.rows.arrays import Ints32, np
from forgelm.base.errors import ConfigError
from forgelm.data.batching import Batching, choose_batching

CountTokens: TypeAlias = Callable[[Sequence[str]], Sequence[int]]
"""Returns the number of tokens of every text, as the run's tokenizer counts them."""

_BUCKETS = 40


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


def advise_batching(lengths: Ints32, batch_size: int, *, max_length: int | None = None) -> Batching | None:
    """Return how a run would put batches of ``batch_size`` rows together; ``None`` without rows.

    It is the run's own choice, for a model whose rows can be joined.

    Raises:
        ConfigError: ``batch_size`` is below 1.
    """
    found = choose_batching(lengths.tolist(), batch_size, max_length=max_length)
    return found if (lengths > 0).any() else None


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
