"""Duplicates to what a person reads and what a clean copy leaves out: clusters with row numbers, and reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from forgelm.audit.duplicates.search import Duplicates
from forgelm.audit.rows.arrays import Bits, Ints32, np

Reason = Literal["exact", "near"]


@dataclass(frozen=True)
class RowPlace:
    """``row`` counts from 0 in the order in which the rows of ``split`` were read."""

    split: str
    row: int


@dataclass(frozen=True)
class Cluster:
    """Rows that are duplicates of each other, directly or through others: how many, and the first of them."""

    size: int
    exact: bool
    rows: tuple[RowPlace, ...]


@dataclass(frozen=True)
class LeftOut:
    """One row that a corpus without duplicates does not need, and the row that is kept in its place."""

    row: RowPlace
    kept: RowPlace
    reason: Reason


def list_clusters(found: Duplicates, *, most: int = 100, most_rows: int = 20) -> list[Cluster]:
    """Return the ``most`` largest clusters, each with its first ``most_rows`` rows; the largest first."""
    first_of = merge_first_rows(found)
    first, sizes = np.unique(first_of, return_counts=True)
    chosen = np.flatnonzero(sizes > 1)
    chosen = chosen[np.lexsort((first[chosen], -sizes[chosen]))][:most]
    clusters = []
    for place in chosen.tolist():
        rows = np.flatnonzero(first_of == first[place])
        is_exact = bool((found.exact_first[rows] == found.exact_first[rows[0]]).all())
        shown = tuple(place_row(found, row) for row in rows[:most_rows].tolist())
        clusters.append(Cluster(int(sizes[place]), is_exact, shown))
    return clusters


def iterate_left_out(found: Duplicates) -> Iterator[LeftOut]:
    """Yield every row but the first of each cluster, in order."""
    first_of = merge_first_rows(found)
    for row in np.flatnonzero(first_of != np.arange(len(first_of))).tolist():
        kept = int(first_of[row])
        reason: Reason = "exact" if found.exact_first[row] == kept else "near"
        yield LeftOut(place_row(found, row), place_row(found, kept), reason)


def mark_kept(found: Duplicates) -> Bits:
    """Return for every row whether it is the first of its cluster."""
    first_of = merge_first_rows(found)
    return np.asarray(first_of == np.arange(len(first_of)))


def merge_first_rows(found: Duplicates) -> Ints32:
    """Return for every row the first row of its cluster. Equal texts without a word are only found as exact."""
    alone = found.near_first == np.arange(len(found.near_first))
    return np.where(alone, found.exact_first, found.near_first)


def place_row(found: Duplicates, row: int) -> RowPlace:
    """Return where a row, numbered over all splits, stands."""
    split, part = next((split, part) for split, part in found.ranges.items() if row in part)
    return RowPlace(split, row - part.start)
