"""Several datasets' training rows to one list, in the shares asked for, leaving out as few rows as possible."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from forgelm.data.rows import Row, SkippedRow

_REASON = "data.mix_ratio"
_ROUNDING = 1e-9


def mix_rows(
    datasets: Sequence[Sequence[Row]], weights: Sequence[float] | None, *, seed: int
) -> tuple[list[list[Row]], list[SkippedRow]]:
    """Return the rows taken from each dataset, in their own order, and the rows left out.

    Without ``weights`` every row is taken. No row is ever taken twice.
    """
    if weights is None:
        return [list(rows) for rows in datasets], []
    counts = count_shares([len(rows) for rows in datasets], weights)
    taken: list[list[Row]] = []
    skipped: list[SkippedRow] = []
    for place, (rows, count) in enumerate(zip(datasets, counts, strict=True)):
        chosen = set(random.Random(f"{seed}/{place}").sample(range(len(rows)), count))
        taken.append([row for number, row in enumerate(rows) if number in chosen])
        skipped += [
            SkippedRow(row.source, row.number, _REASON, row.part)
            for number, row in enumerate(rows)
            if number not in chosen
        ]
    return taken, skipped


def count_shares(sizes: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Return how many rows of each dataset to take: the largest total whose shares are ``weights``.

    ``weights`` are scaled to add up to 1; what rounding leaves over goes to the largest remainders.
    """
    whole = math.fsum(weights)
    shares = [weight / whole for weight in weights]
    total = math.floor(min(size / share for size, share in zip(sizes, shares, strict=True) if share) + _ROUNDING)
    exact = [min(total * share, size) for share, size in zip(shares, sizes, strict=True)]
    counts = [math.floor(value + _ROUNDING) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda place: (counts[place] - exact[place], place))
    for place in by_remainder[: max(total - sum(counts), 0)]:
        if shares[place] and counts[place] < sizes[place]:
            counts[place] += 1
    return counts
