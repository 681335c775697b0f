"""Rows with runs of digits: never fewer families than occur, and far fewer than begin with a digit."""

from __future__ import annotations

import random
import re

import pyarrow as pa
import pytest

from forgelm.audit.matching.exact import find
from forgelm.audit.matching.family import DIGITS_CLUE, NOT_AFTER_POINT, NOT_BEFORE_POINT, Family
from forgelm.audit.matching.numbers import Numbers
from forgelm.audit.pii.families import PII_FAMILIES

NUMBERS = [family for family in PII_FAMILIES if family.trigger == DIGITS_CLUE]
MANY = 400


def numbers_in(texts: list[str], families: tuple[Family, ...] = PII_FAMILIES) -> list[set[str]]:
    found: dict[int, set[int]] = {row: set() for row in range(len(texts))}
    Numbers(families).add_to(found, pa.array(texts, pa.large_string()), list(range(len(texts))))
    return [{families[place].kind for place in found[row]} for row in range(len(texts))]


@pytest.mark.parametrize(
    "text",
    ["2024-01-15 10:30:45,123", "0.1234567890123456 0.9876543210987654", "v10.200.3000.40000", "1234-5678-9012"],
)
def test_times_decimals_and_versions_are_asked_nothing(text: str) -> None:
    assert numbers_in([text] * MANY) == [set()] * MANY


def test_a_number_is_asked_for_by_its_shape_and_its_name() -> None:
    texts = ["order 10000000146 of", "x 123-45-6789", "x 123456789", "SIN 123456789"] * MANY
    asked = numbers_in(texts)
    assert "tr_id" in asked[0] and not {"us_ssn", "br_cpf"} & asked[0]
    assert asked[1] == {"us_ssn"}
    assert asked[2] == set()
    assert "ca_sin" in asked[3]


def test_few_rows_are_asked_everything() -> None:
    assert numbers_in(["2024-01-15 10:30:45"]) == [{family.kind for family in NUMBERS}]


def test_what_borders_a_number_never_hides_it() -> None:
    source = random.Random(5)
    borders = ["", " ", ".", "..", "1.", ".1", "-", "_", "x", "é", "\n", "(", ")", "+", ",", "\u00a0"]
    values = ["10000000146", "123-45-6789", "4111 1111 1111 1111", "+49 30 12345678", "(030) 901820-12", "850709-9805"]
    texts = [
        "".join((*source.choices(borders, k=2), source.choice(values), *source.choices(borders, k=2)))
        for _ in range(4000)
    ]
    for text, asked in zip(texts, numbers_in(texts), strict=True):
        assert {finding.kind for finding in find(text, NUMBERS)} <= asked, text


def test_every_family_of_numbers_stands_clear_of_letters_and_digits() -> None:
    # The borders in ``shape`` rest on this.
    for family in NUMBERS:
        left, right = re.compile(family.left, re.ASCII), re.compile(family.right, re.ASCII)
        assert not any(left.match(f"{char}1", 1) for char in "aZ09")
        assert not any(right.match(f"1{char}", 1) for char in "09")
        assert not (NOT_AFTER_POINT in family.left and left.match("1.1", 2))
        assert not (NOT_BEFORE_POINT in family.right and right.match("1.1", 1))


def test_columns_of_numbers_are_told_apart_by_their_check_digits() -> None:
    source = random.Random(2)
    numbers = [str(source.randrange(10 ** (size - 1), 10**size)) for size in range(8, 20) for _ in range(400)]
    written = [f"{number},{source.choice(['', 'x', '2024-05-17', '+49 30 12'])}" for number in numbers]
    lines = ["\n".join(source.choices(numbers, k=5)) for _ in range(500)]
    groups = [" ".join(source.choices(numbers, k=2)) for _ in range(300)]
    texts = ["10000000146", "4111111111111111", *numbers, *written, *lines, *groups, "1" * 5000]
    asked = numbers_in(texts)
    for text, kinds in zip(texts, asked, strict=True):
        assert {finding.kind for finding in find(text, NUMBERS)} <= kinds, text
    assert "tr_id" in asked[0] and "credit_card" in asked[1]
    assert sum(map(len, asked[2 : 2 + len(numbers)])) < len(numbers) // 2
