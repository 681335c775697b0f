"""Intervals around several independent numbers into one around their weighted sum, each keeping its own shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forgelm.evaluate.statistics import Interval


def combine_intervals(
    values: Sequence[float], intervals: Sequence[Interval | None], weights: Sequence[float]
) -> Interval | None:
    """Return the interval around ``sum(weights * values)``, of weights that are not negative.

    The distances to each end are squared and added (Zou and Donner 2008, doi:10.1002/sim.3095): one number keeps its
    interval, and lopsided ones stay lopsided. ``None`` where one of them has no interval.
    """
    known = [interval for interval in intervals if interval is not None]
    if not known or len(known) < len(values):
        return None
    parts = list(zip(values, known, weights, strict=True))
    middle = math.fsum(weight * value for value, _, weight in parts)
    below = math.sqrt(math.fsum((weight * (value - interval.low)) ** 2 for value, interval, weight in parts))
    above = math.sqrt(math.fsum((weight * (interval.high - value)) ** 2 for value, interval, weight in parts))
    return Interval(middle - below, middle + above, known[0].level, sum(interval.samples for interval in known))
