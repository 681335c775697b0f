"""The sketch of one row, compiled: ``sketch`` says what it is."""

from __future__ import annotations

from forgelm.audit.rows.arrays import Words, np
from forgelm.audit.rows.compiling import inner
from forgelm.audit.rows.sketch import BITS, COUNT_SHIFT, MOST_TOKENS, UNKNOWN

TABLE_BITS = 11  # twice as many places as tokens, so that few meet at one

_U = np.uint64
_0, _1, _6, _32, _63 = (_U(number) for number in (0, 1, 6, 32, 63))
_LOW, _TOP, _LAST = _U((1 << 32) - 1), _U(64 - TABLE_BITS), _U((1 << TABLE_BITS) - 1)
_BITS, _MOST, _SHIFT = _U(BITS), _U(MOST_TOKENS), _U(COUNT_SHIFT)
_UNKNOWN = _U(UNKNOWN << COUNT_SHIFT)


@inner
def add_distinct(table: Words, hashes: Words, count: int, sketch: Words) -> None:
    """Flip the bit of every hash that is not in ``table`` yet, and put it there.

    ``sketch`` holds the two words and how many hashes are in the table; beyond ``MOST_TOKENS`` nothing changes.
    """
    first, second, known = sketch[0], sketch[1], sketch[2]
    for index in range(_U(count)):
        # Looked at before every hash: a long row comes in many parts, and each would add one to a table that fills up.
        if known > _MOST:
            break
        value = hashes[index]
        place = value >> _TOP
        while table[place] != _0 and table[place] != value:
            place = (place + _1) & _LAST
        is_new = _U(table[place] != value)
        table[place] = value
        bit = ((value & _LOW) * _BITS) >> _32
        half = bit >> _6
        flipped = is_new << (bit & _63)
        first ^= flipped * (_1 - half)
        second ^= flipped * half
        known += is_new
    sketch[0], sketch[1], sketch[2] = first, second, known


@inner
def write_sketch(sketch: Words, to: Words) -> None:
    """Write the two words of a row, ``UNKNOWN`` where it has too many tokens."""
    if sketch[2] > _MOST:
        to[0], to[1] = _0, _UNKNOWN
    else:
        to[0], to[1] = sketch[0], sketch[1] | (sketch[2] << _SHIFT)
