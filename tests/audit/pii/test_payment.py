"""IBANs and cards against an independent implementation and the contract's table of issuers."""

from __future__ import annotations

import random
import re

import pytest

from forgelm.audit.pii import payment
from forgelm.audit.pii.checksums import luhn
from forgelm.audit.pii.find import detect_pii


def with_luhn(start: str, length: int) -> str:
    body = (start + "7" * length)[: length - 1]
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


def an_iban(country: str, length: int, source: random.Random) -> str:
    body = "".join(source.choices("0123456789", k=length - 4))
    rest = int("".join(str(int(char, 36)) for char in body + country + "00")) % 97
    return f"{country}{98 - rest:02d}{body}"


@pytest.mark.parametrize(("country", "length"), payment.IBAN_LENGTHS)
def test_every_countrys_iban_is_found_plain_and_in_groups_of_four(country: str, length: int) -> None:
    number = an_iban(country, length, random.Random(country))
    grouped = re.sub("(.{4})(?=.)", r"\1 ", number)
    for text in (number, number.lower(), grouped, f"IBAN:{grouped}, BIC", grouped.replace(" ", "\u00a0")):
        assert detect_pii(text) == {"iban": 1}, text
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "iban" not in detect_pii(wrong)
    assert "iban" not in detect_pii(number[:-1])


@pytest.mark.parametrize(
    ("start", "lengths"),
    [("4", {13, 16, 19}), ("34", {15}), ("37", {15}), ("51", {16}), ("55", {16}), ("2221", {16}), ("2720", {16}),
     ("6011", {16, 17, 18, 19}), ("65", {16, 17, 18, 19}), ("644", {16, 17, 18, 19}), ("35", {16, 17, 18, 19}),
     ("62", {16, 17, 18, 19}), ("36", set(range(14, 20))), ("300", set(range(14, 20))), ("2204", {16, 17, 18, 19}),
     ("50", set()), ("2220", set()), ("2721", set()), ("9", set()), ("1", set())],
)  # fmt: skip
def test_an_issuer_gives_cards_of_its_own_lengths(start: str, lengths: set[int]) -> None:
    assert {length for length in range(12, 21) if payment.credit_card(with_luhn(start, length))} == lengths


def test_a_card_in_any_grouping_is_found() -> None:
    number = "4111111111111111"
    for text in (
        number,
        "4111-1111-1111-1111",
        "4111 1111 1111 1111",
        "41 11 11 11 11 11 11 11",
        "4111\u20111111\u20111111\u20111111",
    ):
        assert detect_pii(f"card {text}.") == {"credit_card": 1}, text
