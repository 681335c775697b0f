"""Single steps of the compiled pass; ``test_engine`` holds the whole of it against the definitions."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import Bytes, Words
from forgelm.audit.rows.compiling import compiled
from forgelm.audit.rows.kernel import add_votes, count_majority, decode, encode, mark, mix_word


@compiled
def _vote(first: Words, second: Words) -> np.uint64:
    planes = np.zeros(40, np.uint64)
    add_votes(planes, first, len(first))
    add_votes(planes, second, len(second))
    return count_majority(planes, len(first) + len(second))


@compiled
def _copy_character(data: Bytes, place: int, to: Bytes) -> tuple[int, int]:
    code, size = decode(data, place)
    encode(to, 0, code, size)
    return code, size


@compiled
def _mark(mask: Bytes, place: int, size: int) -> None:
    mark(mask, place, size)


@compiled
def _mix(value: np.uint64, index: int) -> np.uint64:
    return mix_word(value, index)


@given(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**64 - 1]), max_size=70))
@settings(deadline=None)
def test_the_majority_of_votes_is_exact(votes: list[int]) -> None:
    half = len(votes) // 3
    counts = [sum(vote >> bit & 1 for vote in votes) for bit in range(64)]
    expected = sum(1 << bit for bit, count in enumerate(counts) if 2 * count > len(votes))
    assert int(_vote(np.array(votes[:half], np.uint64), np.array(votes[half:], np.uint64))) == expected


@pytest.mark.parametrize("character", ["é", "߿", "ࠀ", "語", "\uffff", "𐀀", "\U0010ffff"])
def test_characters_are_read_and_written(character: str) -> None:
    data, written = np.frombuffer(b"a" + character.encode() + bytes(4), np.uint8), np.zeros(8, np.uint8)
    code, size = _copy_character(data, 1, written)
    assert (code, size) == (ord(character), len(character.encode()))
    assert written[:size].tobytes() == character.encode()


@given(st.integers(0, 40), st.integers(1, 4))
@settings(deadline=None)
def test_bits_of_a_character_may_cross_a_byte(place: int, size: int) -> None:
    mask = np.zeros(8, np.uint8)
    _mark(mask, place, size)
    assert int.from_bytes(mask.tobytes(), "little") == ((1 << size) - 1) << place


def test_words_of_a_digest_are_mixed_whatever_bit_changes() -> None:
    chance, changes = random.Random(1), set()
    for bit in range(64):
        for index in range(50):
            value = chance.getrandbits(64)
            pair = [int(_mix(np.uint64(one), index)) for one in (value ^ 1 << bit, value)]
            changes.add((pair[0] - pair[1]) % 2**64)
    assert len(changes) == 64 * 50
