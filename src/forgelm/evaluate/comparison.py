"""Measurements of two models on the same rows into one: the difference they make, and how sure it is."""

from __future__ import annotations

from dataclasses import replace

from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.statistics import bootstrap_difference, bootstrap_mean


def compare(tuned: Measurement, base: Measurement) -> Measurement:
    """Return ``tuned`` with the base model's value as its baseline.

    The details gain ``interval``, around the value, and ``change_interval``, around what it is above the baseline; the
    latter pairs the rows, so it is far narrower than two intervals apart. Both are 95 % bootstrap intervals over rows,
    and ``None`` where there are too few rows.
    """
    interval = bootstrap_mean(tuned.scores, tuned.weights)
    change = bootstrap_difference(tuned.scores, base.scores, tuned.weights)
    details = {
        **tuned.details,
        "interval": interval.as_record() if interval else None,
        "change_interval": change.as_record() if change else None,
    }
    return replace(tuned, baseline=base.value, details=details)
