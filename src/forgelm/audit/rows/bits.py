"""Eight bytes at once: tests on every byte of a 64-bit word, counts of bits, and sorting words, compiled."""

from __future__ import annotations

from forgelm.audit.rows.arrays import Words, np
from forgelm.audit.rows.compiling import inner
from forgelm.audit.rows.tokens import GOLDEN as _GOLDEN
from forgelm.audit.rows.tokens import MIX_1 as _MIX_1
from forgelm.audit.rows.tokens import MIX_2 as _MIX_2

_U = np.uint64
GOLDEN, MIX_1, MIX_2 = _U(_GOLDEN), _U(_MIX_1), _U(_MIX_2)
HIGH = _U(0x8080_8080_8080_8080)

_LOW7 = _U(0x7F7F_7F7F_7F7F_7F7F)
_ONES = _U(0x0101_0101_0101_0101)
_PACK = _U(0x0102_0408_1020_4080)
_PAIRS, _NIBBLES, _HALVES = _U(0x5555_5555_5555_5555), _U(0x3333_3333_3333_3333), _U(0x0F0F_0F0F_0F0F_0F0F)
_128, _1, _2, _3, _4, _7, _56, _63 = (_U(number) for number in (128, 1, 2, 3, 4, 7, 56, 63))


@inner
def in_range(value: np.uint64, first: np.uint64, last: np.uint64) -> np.uint64:
    """Return the high bit of every byte of ``value`` that is ASCII and from ``first`` to ``last``."""
    ascii_part = value & _LOW7
    reached = ascii_part + (_128 - first) * _ONES
    passed = ascii_part + (_128 - last - _1) * _ONES
    return reached & ~passed & ~value & HIGH


@inner
def pack(marks: np.uint64) -> np.uint64:
    """Return the high bits of the 8 bytes as one byte, the lowest byte's first."""
    return ((marks >> _7) * _PACK) >> _56


@inner
def count_marks(marks: np.uint64) -> np.uint64:
    """Return how many of the 8 bytes have their high bit set, where no other bit is."""
    return ((marks >> _7) * _ONES) >> _56


@inner
def count_bits(value: np.uint64) -> int:
    """Return how many bits are set (the compiler knows the pattern and uses the processor's instruction)."""
    value -= (value >> _1) & _PAIRS
    value = (value & _NIBBLES) + ((value >> _2) & _NIBBLES)
    value = (value + (value >> _4)) & _HALVES
    return to_int((value * _ONES) >> _56)


@inner
def to_int(value: np.uint64) -> int:
    """Return ``value`` as a signed number; compiled code would turn a sum of the two kinds into a fraction."""
    return np.int64(value)  # type: ignore[return-value]  # compiled, it is an int


@inner
def trailing_zeros(value: np.uint64) -> int:
    """Return the place of the lowest bit that is set; 64 where none is."""
    return count_bits(~value & (value - _1))


@inner
def load_word(words: Words, place: np.uint64) -> np.uint64:
    """Return the 8 bytes from byte ``place`` on; the array must reach one word further.

    ``place`` is unsigned because an index that could be negative would be tested at every use.
    """
    at = place >> _3
    shift = (place & _7) << _3
    value: np.uint64 = (words[at] >> shift) | ((words[at + _1] << _1) << (_63 - shift))
    return value


@inner
def sort_words(keys: Words) -> None:
    """Sort in place (Shell's sort: short, and quick to compile)."""
    gap = 1
    while gap < len(keys) // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for index in range(gap, len(keys)):
            key, place = keys[index], index
            while place >= gap and keys[place - gap] > key:
                keys[place] = keys[place - gap]
                place -= gap
            keys[place] = key
        gap //= 3
