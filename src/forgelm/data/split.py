"""Holds validation rows out of the training rows: the same ones for the same seed, equal rows never on both sides."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forgelm.base.files import canonical_json, sha256_bytes
from forgelm.data.rows import Row

_USUAL_SHARE = 0.1
_LEAST_SHARE = 0.01
_ENOUGH_ROWS = 2000


@dataclass(frozen=True)
class Split:
    """The two sides and how they came about."""

    train: list[Row]
    validation: list[Row] | None
    origin: str


def carve_validation(rows: Sequence[Row], *, seed: int, share: float | None = None) -> Split:
    """Take ``share`` of ``rows`` for validation; by default a tenth, less for large sets, at least a hundredth.

    Equal rows stay together, so the result may be a little smaller than asked. Both sides keep the order of ``rows``.
    """
    if len(rows) < 2:
        return Split(list(rows), None, "none: fewer than 2 rows")
    wanted = share if share is not None else max(min(_USUAL_SHARE, _ENOUGH_ROWS / len(rows)), _LEAST_SHARE)
    target = min(max(round(len(rows) * wanted), 1), len(rows) - 1)
    groups = _group_equal(rows)
    if len(groups) < 2:
        return Split(list(rows), None, "none: all rows are equal")
    held_out = _choose_groups(groups, target, seed)
    return Split(
        train=[row for place, row in enumerate(rows) if place not in held_out],
        validation=[row for place, row in enumerate(rows) if place in held_out],
        origin=f"carved {_percent(wanted)} with seed {seed}",
    )


def content_keys(rows: Iterable[Row]) -> list[str]:
    """Return a digest of each row's content; equal rows have equal digests in every process."""
    return [sha256_bytes(canonical_json(row.value)) for row in rows]


def _group_equal(rows: Sequence[Row]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for place, key in enumerate(content_keys(rows)):
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _choose_groups(groups: list[list[int]], target: int, seed: int) -> set[int]:
    """Return the places of about ``target`` rows in whole groups; the smallest group when every one is too large."""
    shuffled = list(groups)
    random.Random(seed).shuffle(shuffled)
    chosen: set[int] = set()
    for group in shuffled:
        if len(chosen) + len(group) <= target:
            chosen.update(group)
    smallest = min(shuffled, key=len)
    return chosen or set(smallest)


def _percent(share: float) -> str:
    return f"{round(share * 100, 2):g} %"
