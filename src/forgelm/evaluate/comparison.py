"""Measurements of two models on the same rows into one: the difference they make, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.statistics import bootstrap_difference, bootstrap_mean


def slice_by(
    groups: Sequence[str], tuned: Callable[[Sequence[int]], float], base: Callable[[Sequence[int]], float]
) -> dict[str, Any]:
    """Return value, baseline and number of samples for each group; nothing where there is only one.

    ``groups`` names each sample's; ``tuned`` and ``base`` return a model's value over the samples at some places.
    """
    places: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    if len(places) < 2:
        return {}
    return {
        group: {"value": tuned(inside), "baseline": base(inside), "n": len(inside)} for group, inside in places.items()
    }


def compare(tuned: Measurement, base: Measurement, groups: Sequence[str] = ()) -> Measurement:
    """Return ``tuned`` with the base model's value as its baseline.

    The details gain ``interval``, around the value, and ``change_interval``, around what it is above the baseline; the
    latter pairs the rows, so it is far narrower than two intervals apart. Both are 95 % bootstrap intervals over rows,
    and ``None`` where there are too few rows. ``groups``, a name for each row, adds ``slices``: each group by itself.
    """
    interval = bootstrap_mean(tuned.scores, tuned.weights)
    change = bootstrap_difference(tuned.scores, base.scores, tuned.weights)
    slices = slice_by(groups, lambda places: _mean(tuned, places), lambda places: _mean(base, places))
    details = {
        **tuned.details,
        "interval": interval.as_record() if interval else None,
        "change_interval": change.as_record() if change else None,
        **({"slices": slices} if slices else {}),
    }
    return replace(tuned, baseline=base.value, details=details)


def _mean(measured: Measurement, places: Sequence[int]) -> float:
    weights = [measured.weights[place] if measured.weights else 1.0 for place in places]
    total = sum(weight * measured.scores[place] for weight, place in zip(weights, places, strict=True))
    return total / sum(weights)
