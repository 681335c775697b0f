"""Right and wrong answers of two models to the same questions into an interval around the difference of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from forgelm.evaluate.statistics import Interval

_HALVINGS = 60


def paired_proportion_interval(tuned: Sequence[bool], base: Sequence[bool], *, level: float = 0.95) -> Interval | None:
    """Return the interval of ``mean(tuned) - mean(base)``, question by question in the same order.

    The score interval for paired shares (Tango 1998,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B). Unlike a bootstrap it keeps a width where the
    two models never differ, and its level where they differ on a few questions only. ``None`` without questions.
    """
    n = len(tuned)
    if n == 0:
        return None
    gained = sum(one and not two for one, two in zip(tuned, base, strict=True))
    lost = sum(two and not one for one, two in zip(tuned, base, strict=True))
    z = NormalDist().inv_cdf(1.0 - (1.0 - level) / 2.0)
    change = (gained - lost) / n
    low = _end(gained, lost, n, (-1.0, change), z)
    return Interval(low, _end(gained, lost, n, (change, 1.0), -z), level, n)


def _end(gained: int, lost: int, n: int, between: tuple[float, float], wanted: float) -> float:
    """Return the change at which the statistic, which falls as the change rises, is ``wanted``."""
    low, high = between
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if score_statistic(gained, lost, n, middle) > wanted else (low, middle)
    return (low + high) / 2.0


def score_statistic(gained: int, lost: int, n: int, change: float) -> float:
    """Return how many standard errors ``gained`` less ``lost`` of ``n`` are from what a true ``change`` would give.

    The error is that of the likeliest share of losses among those whose change it is.
    """
    quadratic = -gained - lost + (2 * n - gained + lost) * change
    root = math.sqrt(max(quadratic * quadratic + 8 * n * lost * change * (1.0 - change), 0.0))
    losses = (root - quadratic) / (4 * n)
    variance = n * (2.0 * losses + change * (1.0 - change))
    off = gained - lost - n * change
    return off / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, off) if off else 0.0
