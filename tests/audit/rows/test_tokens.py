"""The definition of tokens and hashes, against ``re`` and pinned values that every machine must reach."""

from __future__ import annotations

from collections import Counter

from forgelm.audit.rows.tokens import hash_token, scramble, tokenize


def test_tokens_are_words_of_the_lower_cased_text() -> None:
    assert tokenize("Don't STOP_it, İzmir! ΟΔΟΣ 42") == ["don", "t", "stop_it", "i", "zmir", "οδος", "42"]


def test_hashes_are_the_same_on_every_machine() -> None:
    assert [hash_token(token) for token in ("a", "abcdefgh", "çal\u0131ş", "x" * 40)] == [
        0xA5054E12A5A16C45,
        0x9EDC9DDAA74EBECA,
        0x9B7E82F0520BB90B,
        0xB87C80487E0514FD,
    ]


def test_zero_bytes_and_padding_are_told_apart() -> None:
    assert len({hash_token("a" + "\0" * size) for size in range(20)}) == 20


def test_every_bit_of_a_hash_is_set_for_half_of_all_tokens() -> None:
    bits = Counter(bit for number in range(4000) for bit in range(64) if hash_token(f"w{number}") >> bit & 1)
    assert all(1800 < bits[bit] < 2200 for bit in range(64))


def test_one_more_letter_changes_half_of_the_bits() -> None:
    changes = [(hash_token(f"word{n}") ^ hash_token(f"word{n}s")).bit_count() for n in range(1000)]
    assert 31 < sum(changes) / len(changes) < 33


def test_scrambled_numbers_do_not_repeat() -> None:
    assert len({scramble(number) for number in range(10_000)}) == 10_000
