"""Rows to units: rows that any near-duplicate method takes for the same stand together, under the first of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from forgelm.audit.rows.arrays import Bits, Bytes, Ints, Ints32, Words, np

_PAIRS_GATHERED = 1 << 11
_FILTER_BITS = 24
_ROWS_LOOKED_AT = 1 << 18


@dataclass(frozen=True)
class Units:
    """A unit is named by its first row: ``of_row`` holds it for every row, -1 for rows that take no part.

    ``begins`` are the first rows of the splits, in order, and the number of rows. ``places`` are the sorted values
    ``unit * splits + split`` of the units with several rows, ``sizes`` how many rows each has; all others have one.
    """

    of_row: Ints32
    begins: Ints
    places: Ints
    sizes: Ints

    @property
    def splits(self) -> int:
        return len(self.begins) - 1

    def list_units(self) -> Ints32:
        """Return all units in order."""
        return np.flatnonzero(self.of_row == np.arange(len(self.of_row), dtype=np.int32)).astype(np.int32)

    def read_split(self, rows: Ints | Ints32) -> Ints:
        """Return the number of the split that each row stands in."""
        return np.asarray(np.searchsorted(self.begins, rows, side="right") - 1, np.int64)

    def count_rows(self, units: Ints) -> Ints:
        """Return how many rows of every split (units, splits) the given units have."""
        counts = np.zeros((len(units), self.splits), np.int64)
        counts[np.arange(len(units)), self.read_split(units)] = 1
        if len(self.places):
            for split in range(self.splits):
                wanted = units * self.splits + split
                found = np.minimum(np.searchsorted(self.places, wanted), len(self.places) - 1)
                known = self.places[found] == wanted
                counts[known, split] = self.sizes[found[known]]
        return counts

    def read_splits(self) -> Bytes:
        """Return one bit for each split that a unit has rows in (rows, bytes of 8 splits); only units have any."""
        present = np.zeros((len(self.of_row), (self.splits + 7) // 8), np.uint8)
        for split in range(self.splits):
            rows = self.of_row[self.begins[split] : self.begins[split + 1]]
            present[rows[rows >= 0], split // 8] |= np.uint8(1 << split % 8)
        return present


def group_rows(keys: Words, takes_part: Bits, begins: Ints) -> Units:
    """Make one unit of all rows with one key, of those that take part; ``begins`` as in ``Units``.

    Most rows of most corpora are alone, so only those with a key that occurs twice are ever sorted with their number.
    """
    rows = _find_rows(keys, takes_part, _find_repeated(keys[takes_part]))
    of_row = np.arange(len(keys), dtype=np.int32)
    of_row[~takes_part] = -1
    _, first, group = np.unique(keys[rows], return_index=True, return_inverse=True)
    of_row[rows] = rows[first][group]
    splits = len(begins) - 1
    split_of = np.searchsorted(begins, rows, side="right") - 1
    places, sizes = np.unique(of_row[rows].astype(np.int64) * splits + split_of, return_counts=True)
    return Units(of_row, begins, places, sizes)


def gather_blocks(blocks: Iterable[Ints]) -> Iterator[Ints]:
    """Yield the pairs of ``blocks`` in fewer, larger ones: every block that is worked on has a cost of its own."""
    gathered: list[Ints] = []
    size = 0
    for block in blocks:
        gathered.append(block)
        size += len(block)
        if size >= _PAIRS_GATHERED:
            yield np.concatenate(gathered)
            gathered, size = [], 0
    if gathered:
        yield np.concatenate(gathered)


def _find_repeated(keys: Words) -> Words:
    """Return the keys that occur more than once, sorted; ``keys`` is sorted in place."""
    keys.sort()
    return np.unique(keys[1:][keys[1:] == keys[:-1]])


def _find_rows(keys: Words, takes_part: Bits, wanted: Words) -> Ints:
    """Return the rows whose key is in ``wanted`` (sorted): a table of bits drops most others at the first look."""
    mask = np.uint64((1 << _FILTER_BITS) - 1)
    table = np.zeros(1 << _FILTER_BITS, bool)
    table[wanted & mask] = True
    may_be = takes_part.copy()
    for begin in range(0, len(keys), _ROWS_LOOKED_AT):
        may_be[begin : begin + _ROWS_LOOKED_AT] &= table[keys[begin : begin + _ROWS_LOOKED_AT] & mask]
    rows = np.flatnonzero(may_be)
    place = np.minimum(np.searchsorted(wanted, keys[rows]), max(len(wanted) - 1, 0))
    return np.asarray(rows[wanted[place] == keys[rows]] if len(wanted) else rows[:0])
