"""How often a random number passes for an identity number when nothing beside it says what it is."""

from __future__ import annotations

import random

import pytest

from forgelm.audit.matching.exact import find
from forgelm.audit.pii.families import PII_FAMILIES
from forgelm.audit.pii.national import NATIONAL_FAMILIES

NUMBERS = 3000


@pytest.mark.parametrize("length", range(7, 20))
def test_a_random_number_is_rarely_taken_for_one(length: int) -> None:
    source = random.Random(length)
    numbers = [str(source.randrange(10 ** (length - 1), 10**length)) for _ in range(NUMBERS)]
    taken: dict[str, int] = {}
    for number in numbers:
        for family in PII_FAMILIES:
            if find(f"item {number} of", [family]):
                taken[family.kind] = taken.get(family.kind, 0) + 1
    # The issuers' prefixes and the Luhn digit let one card in twenty pass; nothing else more than one in forty.
    assert all(count / NUMBERS < (0.06 if kind == "credit_card" else 0.025) for kind, count in taken.items()), taken


def test_a_number_that_needs_its_name_is_found_only_behind_it() -> None:
    for family in NATIONAL_FAMILIES:
        if not family.needs_context:
            continue
        source = random.Random(family.kind)
        number = next(
            text
            for text in (
                "".join(source.choices("0123456789", k=length - 1)) + source.choice("0123456789K")
                for _ in range(40_000)
                for length in (9, 10, 11, 12, 13, 8)
            )
            if family.regex.fullmatch(text) and family.check and family.check(text)
        )
        for word in family.context:
            assert [finding.kind for finding in find(f"{word}: {number}", [family])] == [family.kind], word
        assert find(f"item: {number}", [family]) == []
        assert find(f"{family.context[0]}{' ' * 80}{number}", [family]) == []


def test_the_name_beside_it_decides_which_of_two_a_number_is() -> None:
    both = "44051401359"
    assert [finding.kind for finding in find(f"PESEL {both}", PII_FAMILIES)] == ["pl_pesel"]
