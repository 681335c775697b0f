"""The distinct tokens of a row to 16 bytes that tell most rows with other words apart, without reading them again.

Every distinct token flips one of 112 bits; their number stands beside them. Tokens that both of two rows have cancel
out, so the bits in which the rows differ are at most the tokens that only one of them has: a bound, never a guess.
"""

from __future__ import annotations

from forgelm.audit.rows.arrays import Bits, Ints, Words, np

BITS = 112
# Of so many tokens, the bits say nothing any more.
MOST_TOKENS = 1024
COUNT_SHIFT = 48
UNKNOWN = 0xFFFF

_U = np.uint64
_LOW = _U((1 << 32) - 1)
_SECOND_BITS = _U((1 << COUNT_SHIFT) - 1)


def sketch_rows(hashes: Words, counts: Ints) -> Words:
    """Return the two words (rows, 2) of every row; row ``i`` has the ``counts[i]`` next ``hashes``."""
    sketches = np.zeros((len(counts), 2), np.uint64)
    rows = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((hashes, rows))
    hashes, rows = hashes[order], rows[order]
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    hashes, rows = hashes[is_new], rows[is_new]
    places = ((hashes & _LOW) * _U(BITS)) >> _U(32)
    distinct = np.bincount(rows, minlength=len(counts))
    for half in range(2):
        here = np.flatnonzero(places >> _U(6) == half)
        np.bitwise_xor.at(sketches[:, half], rows[here], _U(1) << (places[here] & _U(63)))
    sketches[:, 1] |= distinct.astype(np.uint64) << _U(COUNT_SHIFT)
    sketches[distinct > MOST_TOKENS] = 0, UNKNOWN << COUNT_SHIFT
    return sketches


def mark_possible(sketches: Words, pairs: Ints, least_jaccard: float) -> Bits:
    """Return which pairs of rows (pairs, 2) may share enough tokens; of all others it is certain that they do not."""
    first, second = sketches[pairs[:, 0]], sketches[pairs[:, 1]]
    sizes = ((first[:, 1] >> _U(COUNT_SHIFT)).astype(np.int64), (second[:, 1] >> _U(COUNT_SHIFT)).astype(np.int64))
    differ = first ^ second
    apart = np.bitwise_count(differ[:, 0]).astype(np.int64) + np.bitwise_count(differ[:, 1] & _SECOND_BITS)
    total = sizes[0] + sizes[1]
    most = (total - apart) // 2
    unknown = (sizes[0] == UNKNOWN) | (sizes[1] == UNKNOWN)
    return np.asarray(unknown | (most >= least_jaccard * (total - most)))
