"""Duplicates across splits to the rates the report states: how much of a test set is in the training data."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from forgelm.audit.duplicates.search import Duplicates


def describe_leakage(found: Duplicates) -> dict[str, dict[str, Any]]:
    """Return for every pair of splits, as ``a__b``, how many rows of each have a near duplicate in the other.

    Rates are shares of the rows with a word, rounded to 4 decimals.
    """
    names = list(found.ranges)
    return {
        f"{names[a]}__{names[b]}": {
            "leaked_rows_in_a": int(found.leaked[a, b]),
            "leak_rate_a": _rate(int(found.leaked[a, b]), found.with_tokens[names[a]]),
            "leaked_rows_in_b": int(found.leaked[b, a]),
            "leak_rate_b": _rate(int(found.leaked[b, a]), found.with_tokens[names[b]]),
        }
        for a, b in combinations(range(len(names)), 2)
    }


def _rate(rows: int, total: int) -> float:
    return round(rows / total, 4) if total else 0.0
