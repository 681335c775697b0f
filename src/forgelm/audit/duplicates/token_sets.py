"""Candidate pairs to those that really share their words: the distinct tokens of both rows are compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

from forgelm.audit.duplicates.pair_kernel import compare_sets
from forgelm.audit.rows.arrays import Bits, Ints, TextBatch, Words, np
from forgelm.audit.rows.engine import RowEngine
from forgelm.audit.rows.vectors import Tokens

Fetch: TypeAlias = Callable[[Ints], TextBatch]
"""Returns the texts of rows, given by their numbers over all splits in ascending order."""

_ROWS_AT_ONCE = 512  # their tokens fit the processor's cache
_HASH_BITS = 52  # with 12 for the row
_TOKENS_KEPT = 1 << 22


def sort_tokens(tokens: Tokens) -> Tokens:
    """Return the distinct tokens of up to 4,096 rows in ascending order, as the upper 52 bits of their hashes.

    Row and hash then fit one number, and one sort does it for all rows. That two tokens of two rows agree in 52 bits
    by chance happens once in a hundred thousand million pairs of ordinary rows.
    """
    rows = np.repeat(np.arange(len(tokens.offsets) - 1, dtype=np.uint64), np.diff(tokens.offsets))
    keys = np.sort((rows << np.uint64(_HASH_BITS)) | (tokens.hashes >> np.uint64(64 - _HASH_BITS)))
    is_new = np.ones(len(keys), bool)
    is_new[1:] = keys[1:] != keys[:-1]
    keys = keys[is_new]
    begins = np.arange(len(tokens.offsets) - 1, dtype=np.uint64) << np.uint64(_HASH_BITS)
    offsets = np.append(np.searchsorted(keys, begins), len(keys))
    return Tokens(keys & np.uint64((1 << _HASH_BITS) - 1), offsets)


def compare_texts(a: TextBatch, b: TextBatch, engine: RowEngine, least_jaccard: float) -> Bits:
    """Return for every row whether its text in ``a`` and in ``b`` share enough tokens; two without any do."""
    alike = np.zeros(len(a), bool)
    for first in range(0, len(a), _ROWS_AT_ONCE):
        last = min(first + _ROWS_AT_ONCE, len(a))
        left, right = (sort_tokens(engine.hash_tokens(batch.cut(first, last))) for batch in (a, b))
        offsets = np.concatenate([left.offsets, right.offsets[1:] + left.offsets[-1]])
        rows = np.arange(last - first)
        pairs = np.stack([rows, rows + len(rows)], axis=1)
        hashes = np.concatenate([left.hashes, right.hashes])
        alike[first:last] = _compare(hashes, offsets, pairs, engine, least_jaccard)
    return alike


def _compare(hashes: Words, offsets: Ints, pairs: Ints, engine: RowEngine, least_jaccard: float) -> Bits:
    alike = np.zeros(len(pairs), bool)
    if engine.name == "numba":
        compare_sets(hashes, offsets, pairs, least_jaccard, alike)
        return alike
    members = [frozenset(hashes[begin:end].tolist()) for begin, end in pairwise(offsets.tolist())]
    for number, (a, b) in enumerate(pairs.tolist()):
        both = len(members[a] & members[b])
        alike[number] = both >= least_jaccard * (len(members[a]) + len(members[b]) - both)
    return alike


class TokenSets:
    """Answers whether two rows share enough tokens; reads the rows it needs, and remembers the latest ones."""

    def __init__(self, fetch: Fetch, engine: RowEngine, least_jaccard: float) -> None:
        self._fetch = fetch
        self._engine = engine
        self._least = least_jaccard
        self._kept: OrderedDict[int, Words] = OrderedDict()
        self._size = 0

    def are_alike(self, pairs: Ints) -> Bits:
        """Return for every pair of rows (pairs, 2) whether their token Jaccard similarity reaches the threshold."""
        rows, places = np.unique(pairs, return_inverse=True)
        sets = self._read(rows)
        offsets = np.zeros(len(sets) + 1, np.int64)
        np.cumsum([len(tokens) for tokens in sets], out=offsets[1:])
        return _compare(np.concatenate(sets), offsets, places.reshape(-1, 2), self._engine, self._least)

    def _read(self, rows: Ints) -> list[Words]:
        missing = np.array([row for row in rows.tolist() if row not in self._kept], np.int64)
        found: dict[int, Words] = {}
        for first in range(0, len(missing), _ROWS_AT_ONCE):
            part = missing[first : first + _ROWS_AT_ONCE]
            tokens = self._engine.hash_tokens(self._fetch(part))
            sets = sort_tokens(tokens)
            # Views: the rows of one reading are also forgotten together.
            found |= {
                row: sets.hashes[begin:end]
                for row, begin, end in zip(part.tolist(), sets.offsets[:-1], sets.offsets[1:], strict=True)
            }
        needed = [found[row] if row in found else self._kept[row] for row in rows.tolist()]
        self._remember(found)
        return needed

    def _remember(self, found: dict[int, Words]) -> None:
        self._kept.update(found)
        self._size += sum(map(len, found.values()))
        while self._size > _TOKENS_KEPT and self._kept:
            self._size -= len(self._kept.popitem(last=False)[1])
