"""What is random, what is a placeholder, what is a token's header."""

from __future__ import annotations

import pytest

from forgelm.audit.secrets.entropy import bits_per_character, is_jwt, is_password, looks_random


def test_entropy_of_known_strings() -> None:
    assert bits_per_character("aaaa") == 0
    assert bits_per_character("abcd") == 2


@pytest.mark.parametrize("value", ["kV9xQ2mZ7pL4wT8rB3nY", "9f86d081884c7d659a2feaa0c55ad015", "aB3dE6gH9jK2mN5pQ8"])
def test_keys_look_random(value: str) -> None:
    assert looks_random(value)


@pytest.mark.parametrize(
    "value",
    ["your-api-key-goes-here-1", "aaaaaaaaaaaaaaaa1", "1234567890123456", "some_long_variable_name_2",
    "process.env.API_KEY_9xZ",
     "EXAMPLEkV9xQ2mZ7pL4wT8", "word-after-word-after-word", "[REDACTED-SECRET]"],
)  # fmt: skip
def test_stand_ins_and_words_do_not(value: str) -> None:
    assert not looks_random(value)


def test_passwords_that_say_password_are_none() -> None:
    assert is_password("p4ssw0rd!")
    assert not is_password("password")
    assert not is_password("xxx")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("eyJhbGciOiJIUzI1NiJ9.x.y", True), ("eyJzdWIiOiI0MiJ9.x.y", False), ("eyJ" + "a" * 50, False), ("eyJ_-_-", False),
     ("W1tbW1tbW1tbW1tb", False)],
)  # fmt: skip
def test_a_token_names_its_algorithm(value: str, expected: bool) -> None:
    assert is_jwt(value) is expected


@pytest.mark.parametrize("value", ["[REDACTED-SECRET]", "[x9]", "<password>", "${DB_PASSWORD}", "{{ password }}"])
def test_a_bracketed_word_is_a_stand_in_for_a_password(value: str) -> None:
    assert not is_password(value)
    assert is_password(f"a{value}")
