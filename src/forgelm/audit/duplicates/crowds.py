"""Rows that stand so close that their pairs grow with the square of their number: found as crowds, not as pairs.

Rows with one fingerprint, or with one hash in a band, are a crowd; every two of one crowd, or of two crowds with near
fingerprints, are candidates. Most of those would only say again what is known, that two rows are in one cluster: the
rows of a cluster stand together in their crowd and are passed over at once, so that the work grows with the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forgelm.audit.duplicates.crowd_kernel import Known, Stretches, find_open_pairs, find_roots, tally_groups
from forgelm.audit.duplicates.near_pairs import iterate_near_pairs
from forgelm.audit.duplicates.units import Units
from forgelm.audit.rows.arrays import Bits, Ints, Ints32, Words, Words32, np
from forgelm.audit.rows.tokens import GOLDEN

_GROUPS_AT_ONCE = 1 << 15
_UNITS_AT_ONCE = 1 << 18
_PAIRS_AT_ONCE = 1 << 13  # few, since every pair that is compared makes others needless
_GROWTH = 8


@dataclass(frozen=True)
class Layout:
    """Crowds, crowd ``i`` being ``members[starts[i]:starts[i + 1]]``; ``values`` are their fingerprints, if any."""

    members: Ints32
    starts: Ints
    values: Words | None = None
    hamming: int = 0
    compiled: bool = False

    def iterate_groups(self) -> Iterator[Ints]:
        """Yield blocks (groups, 2) of the crowds that hold candidates, alone (twice the same) or with another."""
        several = np.flatnonzero(np.diff(self.starts) > 1)
        for first in range(0, len(several), _GROUPS_AT_ONCE):
            part = several[first : first + _GROUPS_AT_ONCE]
            yield np.stack([part, part], axis=1)
        if self.values is not None:
            yield from iterate_near_pairs(self.values, self.hamming, compiled=self.compiled)


def lay_out_fingerprints(units: Ints32, fingerprints: Words, hamming: int, *, compiled: bool) -> Layout:
    """Make one crowd of all units with one fingerprint; ``fingerprints`` are those of ``units``."""
    order = np.argsort(fingerprints, kind="stable")
    ordered = fingerprints[order]
    starts = _find_starts(ordered)
    return Layout(units[order], starts, ordered[starts[:-1]], hamming, compiled)


def lay_out_bands(units: Ints32, bands: Words32) -> Iterator[Layout]:
    """Make, for one band after another, a crowd of all units with one hash in it; ``bands`` are those of all rows."""
    for band in range(bands.shape[1]):
        keys = bands[units, band]
        order = np.argsort(keys, kind="stable")
        yield Layout(units[order], _find_starts(keys[order]))


def tally_crowds(layout: Layout, units: Units, wanted: Bits) -> Ints:
    """Return how many pairs of rows of every split are candidates, beside those of one unit; mark their units."""
    rows = np.zeros((len(layout.starts) - 1, units.splits), np.int64)
    inside = np.zeros(units.splits, np.int64)
    crowd_of = np.repeat(np.arange(len(rows)), np.diff(layout.starts))
    for first in range(0, len(crowd_of), _UNITS_AT_ONCE):
        part = slice(first, first + _UNITS_AT_ONCE)
        sizes = units.count_rows(layout.members[part].astype(np.int64))
        np.add.at(rows, crowd_of[part], sizes)
        inside += (sizes * (sizes - 1) // 2).sum(axis=0)
    counts = np.asarray((rows * (rows - 1) // 2).sum(axis=0) - inside)
    for groups in layout.iterate_groups():
        tally_groups(layout.members, layout.starts, groups, rows, counts, wanted)
    return counts


def iterate_open_pairs(layout: Layout, known: Known, least_jaccard: float) -> Iterator[Ints]:
    """Yield blocks (pairs, 2) of candidates that might join two clusters, or tie a unit to a split it does not reach.

    What is found of a block must stand in ``known`` before the next one is asked for. A unit has one pair in a group
    at first, which is taken for near until it is known, and more once some were not; with the last ones, no pair that
    is open is left.
    """
    members, parents = layout.members, known.parents
    known = known._replace(parents=parents.copy())
    ends = np.arange(1, len(members) + 1, dtype=np.int32)
    units = Stretches(members, layout.starts, ends, known.splits[members], known.reached[members])
    _sort_runs(units, known, np.flatnonzero(np.diff(layout.starts) > 1))
    labels, passed, sizes = _label_crowds(units, parents, known), 0, np.diff(layout.starts)
    for block in layout.iterate_groups():
        first, second = labels[block].T
        groups, most = block[(first != second) | (first < 0)], 1
        passed += int(sizes[groups[:, 0]].sum())
        if passed > len(members):
            labels, passed = _label_crowds(units, parents, known), 0
        while len(groups):
            unfinished, cursor, is_hopeful = np.zeros(len(groups), bool), np.array([0, -1, -1, 0]), most == 1
            while (group := cursor[0]) < len(groups):
                pairs = np.empty((_PAIRS_AT_ONCE, 2), np.int64)
                with np.errstate(over="ignore"):  # which only matters where nothing is compiled
                    count = find_open_pairs(units, known, groups, (most, least_jaccard), cursor, unfinished, pairs)
                if not count:
                    continue
                yield pairs[:count]
                if most > 1 or not _are_settled(parents, known, pairs[:count]):
                    known.parents[:] = parents
                    unfinished[group : cursor[0] + 1] |= most == 1
                    is_hopeful = False
            groups, most = groups[unfinished], 1 if is_hopeful else most * _GROWTH
            _sort_runs(units, known, np.unique(groups))


def _label_crowds(units: Stretches, parents: Ints32, known: Known) -> Ints:
    """Return numbers for the crowds: below 0, or so that no pair of crowds with one number says anything new.

    All units of such a crowd are in one cluster and reach the same splits, among them those that they stand in.
    """
    begins = units.starts[:-1]
    if not len(begins):
        return np.zeros(0, np.int64)
    roots = np.empty_like(units.members)
    find_roots(parents, units.members, roots)
    root = np.minimum.reduceat(roots, begins)
    splits = np.bitwise_or.reduceat(known.splits[units.members], begins)
    reached = np.bitwise_and.reduceat(known.reached[units.members], begins)
    is_closed = (root == np.maximum.reduceat(roots, begins)) & (splits & ~reached == 0).all(axis=1)
    is_closed &= (reached[:, 1:] == np.bitwise_or.reduce(known.splits)[1:]).all(axis=1)
    return np.where(is_closed, (root.astype(np.int64) << 8) | reached[:, 0], -1)


def _are_settled(parents: Ints32, known: Known, pairs: Ints) -> bool:
    """Return whether the units of each pair are in one cluster, and reach each other's splits."""
    first, second = pairs.T
    roots = np.empty(pairs.size, np.int32)
    find_roots(parents, np.concatenate([first, second]).astype(np.int32), roots)
    open_splits = (known.splits[second] & ~known.reached[first]) | (known.splits[first] & ~known.reached[second])
    return not open_splits.any() and np.array_equal(roots[: len(pairs)], roots[len(pairs) :])


def _sort_runs(units: Stretches, known: Known, crowds: Ints) -> None:
    """Put those units of each of the crowds together that stand in one cluster and reach the same splits.

    The most of them come first: what is new is compared with them before it is with anything else.
    """
    if not len(crowds):
        return
    sizes = np.diff(units.starts)[crowds]
    crowd = np.repeat(np.arange(len(crowds)), sizes)
    places = np.arange(len(crowd)) + (units.starts[crowds] - np.cumsum(sizes) + sizes)[crowd]
    members = units.members[places]
    roots = np.empty_like(members)
    find_roots(known.parents, members, roots)
    reach = np.zeros(len(members), np.uint64)
    for column in known.reached[members].T:
        reach = (reach ^ column) * np.uint64(GOLDEN)
    order = np.lexsort((reach, roots, crowd))
    is_first = _mark_changes(crowd[order]) | _mark_changes(roots[order]) | _mark_changes(reach[order])
    run = np.cumsum(is_first) - 1
    by_size = np.lexsort((run, -np.bincount(run)[run], crowd))
    members, run = members[order][by_size], run[by_size]
    is_first = _mark_changes(run)
    firsts, run = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    lasts = np.append(firsts[1:], len(members)) - 1
    units.members[places] = members
    units.ends[places] = (places[lasts] + 1)[run]
    units.splits[places] = np.bitwise_or.reduceat(known.splits[members], firsts)[run]
    units.reached[places] = np.bitwise_and.reduceat(known.reached[members], firsts)[run]


def _find_starts(ordered: Words | Words32) -> Ints:
    """Return where in ``ordered`` each of its values begins, and its length."""
    return np.append(np.flatnonzero(_mark_changes(ordered)), len(ordered))


def _mark_changes(values: Ints | Ints32 | Words | Words32) -> Bits:
    """Return for every value whether it is the first or another than the one before."""
    is_first = np.ones(len(values), bool)
    is_first[1:] = values[1:] != values[:-1]
    return is_first
