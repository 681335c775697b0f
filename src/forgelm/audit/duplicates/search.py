"""Rows to their duplicates: equal texts, near-equal texts in clusters, and which splits they tie together."""

from __future__ import annotations

from dataclasses import dataclass

from forgelm.audit.duplicates.candidates import Candidates, count_pairs, or_itself
from forgelm.audit.duplicates.crowd_kernel import Known
from forgelm.audit.duplicates.crowds import Layout, iterate_open_pairs
from forgelm.audit.duplicates.pair_kernel import join
from forgelm.audit.duplicates.token_sets import Fetch, TokenSets
from forgelm.audit.rows.arrays import Ints, Ints32, Words, np


@dataclass(frozen=True)
class Duplicates:
    """Rows are numbered over all splits, in the order of ``ranges``; counts of pairs are of pairs of rows.

    ``exact_first`` and ``near_first`` hold for every row the first row of its cluster, itself where it stands alone.
    Of the ``candidate_pairs`` of a split, ``near_pairs`` are those whose tokens agree as well; ``leaked[a, b]`` is how
    many rows of split ``a`` have a near duplicate in ``b``; ``with_tokens`` counts the rows that could have one and
    ``distinct`` their different signatures. ``is_complete`` is false where counts of pairs are lower bounds,
    ``is_verified`` where there were no texts to compare.
    """

    ranges: dict[str, range]
    exact_first: Ints32
    near_first: Ints32
    near_pairs: dict[str, int]
    candidate_pairs: dict[str, int]
    leaked: Ints
    with_tokens: dict[str, int]
    distinct: dict[str, int]
    is_complete: bool
    is_verified: bool


def find_duplicates(candidates: Candidates, fetch: Fetch | None) -> Duplicates:
    """Find exact and near duplicates of all rows, within and across splits.

    Texts of candidates are read with ``fetch`` and compared; without it, every candidate counts.
    """
    near, engine = candidates.settings, candidates.engine
    search = _Search(candidates, TokenSets(fetch, engine, near.jaccard) if fetch is not None else None)
    if candidates.is_crowd:
        for layout in candidates.lay_out():
            search.join_crowds(layout)
    else:
        for block in candidates.iterate_pairs() if fetch is not None else candidates.search_again():
            search.take(block)
    return search.finish()


class _Search:
    """Sums up candidate pairs of units: clusters, pairs of every split, and which splits a unit has duplicates in."""

    def __init__(self, candidates: Candidates, sets: TokenSets | None) -> None:
        self._found = candidates
        self._units = units = candidates.units
        self._sets = sets
        self._parents = np.arange(len(units.of_row), dtype=np.int32)
        self._splits = units.read_splits()
        self._reached = self._splits.copy()
        self._near = np.zeros(units.splits, np.int64)

    def take(self, pairs: Ints) -> None:
        """Add a block of candidates (pairs, 2)."""
        if self._sets is not None and len(pairs):
            pairs = pairs[self._sets.are_alike(pairs)]
        if not len(pairs):
            return
        self._near += count_pairs(self._units, pairs)
        for here, there in (pairs.T, pairs.T[::-1]):
            np.bitwise_or.at(self._reached, here, self._splits[there])
        join(self._parents, pairs)

    def join_crowds(self, layout: Layout) -> None:
        """Add the candidates of crowds as far as they change clusters or leaks."""
        sketch = self._found.rows.sketch if self._sets is not None else np.zeros((0, 2), np.uint64)
        known = Known(self._parents, self._splits, self._reached, sketch)
        for pairs in iterate_open_pairs(layout, known, self._found.settings.jaccard):
            self.take(pairs)

    def finish(self) -> Duplicates:
        rows, ranges = self._found.rows, self._found.ranges
        sizes = self._units.sizes
        inside = np.zeros(self._units.splits, np.int64)
        np.add.at(inside, self._units.places % max(self._units.splits, 1), sizes * (sizes - 1) // 2)
        near = self._near if self._sets is not None else self._found.counts
        candidates = np.maximum(near, self._found.counts)
        while not np.array_equal(roots := self._parents[self._parents], self._parents):
            self._parents = roots
        first = np.where(self._units.of_row < 0, self._units.of_row, self._parents[self._units.of_row])
        signatures = rows.digest if rows.bands.shape[1] else rows.simhash
        return Duplicates(
            ranges=ranges,
            exact_first=self._found.exact_first,
            near_first=or_itself(first),
            near_pairs=dict(zip(ranges, (near + inside).tolist(), strict=True)),
            candidate_pairs=dict(zip(ranges, (candidates + inside).tolist(), strict=True)),
            leaked=self._count_leaks(),
            with_tokens={name: int(np.count_nonzero(rows.tokens[_cut(part)])) for name, part in ranges.items()},
            distinct={
                name: _count_distinct(signatures[_cut(part)], rows.tokens[_cut(part)]) for name, part in ranges.items()
            },
            is_complete=not self._found.is_crowd,
            is_verified=self._sets is not None,
        )

    def _count_leaks(self) -> Ints:
        splits = self._units.splits
        leaked = np.zeros((splits, splits), np.int64)
        for here in range(splits):
            units = self._units.of_row[self._units.begins[here] : self._units.begins[here + 1]]
            reached = self._reached[units[units >= 0]]
            for there in range(splits):
                leaked[here, there] = np.count_nonzero(reached[:, there // 8] & np.uint8(1 << there % 8))
        np.fill_diagonal(leaked, 0)
        return leaked


def _cut(part: range) -> slice:
    return slice(part.start, part.stop)


def _count_distinct(signatures: Words, tokens: Ints32) -> int:
    ordered = signatures[tokens > 0]
    ordered.sort()
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + min(len(ordered), 1)
