"""Checks of whole columns: many values of as many digits to which of them an identity number's check may accept.

Each takes an array (values, digits) of small integers and gives a truth value for each. It leaves out only what the
check of its family refuses; where that also looks at a date or a prefix, more may pass. The arithmetic is the arrays'
own: searching a single text needs no numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_
from types import MappingProxyType
from typing import TYPE_CHECKING

from forgelm.audit.matching.family import Column
from forgelm.audit.pii import european_ids as europe
from forgelm.audit.pii import payment
from forgelm.audit.pii import world_ids as world

if TYPE_CHECKING:
    from forgelm.audit.rows.arrays import Bits, Ints


def never(digits: Ints) -> Bits:
    """For values that hold a separator: digits alone are none."""
    return digits[:, 0] < 0


def sums(modulus: int, *weights: Sequence[int], plus: int = 0) -> Column:
    """The sum of digit times weight, for each of ``weights``, leaves nothing."""
    return _of(
        (len(weights[0]),),
        lambda digits: reduce(and_, ((_weighted(digits, row) + plus) % modulus == 0 for row in weights)),
    )


def check_digits(modulus: int, *weights: Sequence[int]) -> Column:
    """The digit after each of ``weights`` is its sum, modulo ``modulus`` and again modulo 10."""
    return _of(
        (len(weights[-1]) + 1,),
        lambda digits: reduce(and_, (_weighted(digits, row) % modulus % 10 == digits[:, len(row)] for row in weights)),
    )


def luhn(*lengths: int, skip: int = 0) -> Column:
    """Luhn's sum of the digits after the first ``skip`` ends in 0."""

    def test(digits: Ints) -> Bits:
        doubled = 2 * digits[:, skip:][:, -2::-2]
        total = digits[:, skip:][:, -1::-2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
        passing: Bits = total % 10 == 0
        return passing

    return _of(lengths, test)


def any_of(*columns: Column) -> Column:
    return lambda digits: reduce(or_, (column(digits) for column in columns))


def _weighted(digits: Ints, weights: Sequence[int]) -> Ints:
    return sum((digits[:, place] * weight for place, weight in enumerate(weights)), 0 * digits[:, 0])


def _of(lengths: Sequence[int], test: Column) -> Column:
    return lambda digits: test(digits) if digits.shape[1] in lengths else never(digits)


def _powers(digits: int, modulus: int) -> tuple[int, ...]:
    """Return what each of so many digits counts for in a number modulo ``modulus``."""
    return tuple(pow(10, place, modulus) for place in reversed(range(digits)))


def _german_tax_id(digits: Ints) -> Bits:
    product = 0 * digits[:, 0] + 10
    for place in range(10):
        product = (digits[:, place] + product) % 10
        product = (product + 10 * (product == 0)) * 2 % 11
    different = sum(((digits[:, :10] == digit).any(axis=1) for digit in range(10)), 0 * product)
    passing: Bits = ((11 - product) % 10 == digits[:, 10]) & (different >= 8) & (different <= 9)
    return passing


# A remainder of 10 gives a 1.
_ROMANIAN = any_of(
    check_digits(11, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)), _of((13,), lambda digits: digits[:, 12] == 1)
)
# Of those born since 2000 the check is of a 2 and the number.
_BELGIAN = any_of(*(sums(97, (*_powers(9, 97), 10, 1), plus=plus) for plus in (0, 2 * 10**9)))

COLUMNS: Mapping[object, Column] = MappingProxyType(
    {
        payment.credit_card: luhn(*range(13, 20)),
        europe.turkish_id: sums(10, (7, -1, 7, -1, 7, -1, 7, -1, 7, -1, 0), (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1)),
        europe.french_nir: sums(97, (*_powers(13, 97), 10, 1)),
        europe.german_tax_id: _of((11,), _german_tax_id),
        europe.polish_pesel: sums(10, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)),
        europe.swiss_ahv: sums(10, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)),
        europe.swedish_number: luhn(12, skip=2),
        europe.norwegian_number: sums(11, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1, 0), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)),
        europe.belgian_number: _BELGIAN,
        europe.romanian_cnp: _ROMANIAN,
        europe.greek_amka: luhn(11),
        europe.baltic_code: any_of(
            check_digits(11, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)), check_digits(11, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3))
        ),
        europe.balkan_jmbg: check_digits(11, (-7, -6, -5, -4, -3, -2, -7, -6, -5, -4, -3, -2)),
        europe.russian_inn: check_digits(11, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)),
        world.brazilian_cpf: check_digits(
            11, (100, 90, 80, 70, 60, 50, 40, 30, 20), (110, 100, 90, 80, 70, 60, 50, 40, 30, 20)
        ),
        world.south_african_id: luhn(13),
    }
)
