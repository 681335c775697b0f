"""Eight bytes at once, against one byte at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import Words
from forgelm.audit.rows.bits import count_bits, count_marks, in_range, load_word, pack, sort_words, trailing_zeros
from forgelm.audit.rows.compiling import compiled

WORDS = st.binary(min_size=8, max_size=8)
U = np.uint64


@compiled
def _mark(value: np.uint64, first: np.uint64, last: np.uint64) -> tuple[np.uint64, np.uint64]:
    marks = in_range(value, first, last)
    return pack(marks), count_marks(marks)


@compiled
def _count(value: np.uint64) -> tuple[int, int]:
    return count_bits(value), trailing_zeros(value)


@compiled
def _load(words: Words, place: np.uint64) -> np.uint64:
    return load_word(words, place)


@compiled
def _sort(words: Words) -> None:
    sort_words(words)


def _word(data: bytes) -> np.uint64:
    return U(int.from_bytes(data, "little"))


@given(WORDS, st.integers(0, 127), st.integers(0, 127))
@settings(deadline=None)
def test_bytes_in_a_range_are_marked(data: bytes, first: int, last: int) -> None:
    first, last = sorted((first, last))
    packed, count = _mark(_word(data), U(first), U(last))
    inside = [first <= byte <= last for byte in data]
    assert int(packed) == sum(1 << place for place, is_inside in enumerate(inside) if is_inside)
    assert int(count) == sum(inside)


@given(st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_bits_are_counted(value: int) -> None:
    with np.errstate(over="ignore"):
        count, zeros = _count(U(value))
    assert int(count) == value.bit_count()
    assert int(zeros) == ((value & -value).bit_length() - 1 if value else 64)


@given(st.binary(min_size=24, max_size=24), st.integers(0, 15))
@settings(deadline=None)
def test_words_are_loaded_from_any_byte(data: bytes, place: int) -> None:
    assert int(_load(np.frombuffer(data + bytes(8), "<u8"), U(place))) == int(_word(data[place : place + 8]))


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), max_size=200))
@settings(deadline=None)
def test_words_are_sorted(values: list[int]) -> None:
    words = np.array(values, np.uint64)
    _sort(words)
    assert words.tolist() == sorted(values)
