"""Several guards' verdicts on the same answers into how far they agree beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from forgelm.evaluate.safety.verdict import GuardVerdict


def cohen_kappa(one: Sequence[bool], other: Sequence[bool]) -> float | None:
    """Return (observed - expected) / (1 - expected) agreement of two raters (Cohen 1960, 10.1177/001316446002000104).

    ``None`` where nothing was rated or both gave one and the same word throughout: then chance explains everything.
    """
    n = len(one)
    if n == 0:
        return None
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    left, right = sum(one) / n, sum(other) / n
    expected = left * right + (1 - left) * (1 - right)
    return None if expected == 1.0 else (observed - expected) / (1.0 - expected)


def measure_agreement(verdicts: Mapping[str, Sequence[GuardVerdict]]) -> list[dict[str, Any]]:
    """Return a record for each pair of guards: kappa, the plain share they agree on, and where they do not.

    Answers that one of the two could not be read on are left out and counted.
    """
    records = []
    for one, other in combinations(verdicts, 2):
        pairs = list(enumerate(zip(verdicts[one], verdicts[other], strict=True)))
        both = [(index, a.safe, b.safe) for index, (a, b) in pairs if not a.unscored and not b.unscored]
        apart = [index for index, a, b in both if a != b]
        records.append(
            {
                "guards": [one, other],
                "kappa": cohen_kappa([a for _, a, _ in both], [b for _, _, b in both]),
                "agreement": 1.0 - len(apart) / len(both) if both else None,
                "compared": len(both),
                "left_out": len(pairs) - len(both),
                "disagreements": apart,
            }
        )
    return records
