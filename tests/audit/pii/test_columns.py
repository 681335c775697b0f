"""Checks of columns against the checks of single values."""

from __future__ import annotations

import re

import numpy as np
import pytest

from forgelm.audit.matching.family import DIGIT_GAP, Family
from forgelm.audit.pii.families import PII_FAMILIES

CHECKED = [family for family in PII_FAMILIES if family.column is not None]
_LENGTHS = range(8, 20)


@pytest.mark.parametrize("family", CHECKED, ids=lambda family: f"{family.kind}-{len(family.pattern)}")
def test_a_column_leaves_out_only_what_the_check_refuses(family: Family) -> None:
    assert family.column is not None
    chance = np.random.default_rng(3)
    for length in _LENGTHS:
        digits = chance.integers(0, 10, (3000, length))
        passing = family.column(digits)
        assert passing.shape == (3000,) and passing.dtype == bool
        for number, row in enumerate(digits.tolist()):
            value = "".join(map(str, row))
            if re.fullmatch(family.pattern, value, re.ASCII) and (family.check is None or family.check(value)):
                assert passing[number], value
        if not any(re.fullmatch(family.pattern, "".join(map(str, row))) for row in digits.tolist()):
            continue
        assert passing.mean() < 0.35


def test_values_that_a_column_speaks_for_are_digits_and_what_may_stand_between_them() -> None:
    gap = re.compile(f"(?:[0-9]|{DIGIT_GAP})*")
    for family in CHECKED:
        written = re.sub(r"\[[^\]]*\]|\{[0-9,]*\}|\(\?:|[()|?+*]", "", family.pattern).replace("\\", "")
        assert gap.fullmatch(written), family.kind
        for group in re.findall(r"\[([^\]]*)\]", family.pattern):
            assert gap.fullmatch(group.replace("\\", "")), family.kind


def test_known_values_pass() -> None:
    values = {
        "tr_id": "10000000146",
        "credit_card": "4111111111111111",
        "pl_pesel": "44051401359",
        "br_cpf": "52998224725",
        "ch_ahv": "7569217076985",
        "de_tax_id": "86095742719",
        "ru_inn": "500100732259",
    }
    for kind, value in values.items():
        digits = np.array([[int(digit) for digit in value]])
        assert any(family.column(digits)[0] for family in CHECKED if family.kind == kind and family.column)
