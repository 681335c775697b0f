"""The check-digit schemes that identity numbers share. Each takes ASCII digits and says whether they fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import mul

_NOT_ALNUM = re.compile(r"[^0-9A-Za-z]+")
_NOT_DIGIT = re.compile(r"[^0-9]+")

_PERMUTE = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
_MULTIPLY = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432",
             "7659821043", "8765932104", "9876543210")  # fmt: skip
_VERHOEFF = tuple(
    {(check, digit): _MULTIPLY[int(check)][int(row[int(digit)])] for check in "0123456789" for digit in "0123456789"}
    for row in _PERMUTE
)


def digits_of(value: str) -> str:
    return _NOT_DIGIT.sub("", value)


def compact(value: str) -> str:
    """Return the letters and digits of ``value``, in capitals."""
    return _NOT_ALNUM.sub("", value).upper()


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digit times weight over the shorter of the two."""
    return sum(map(mul, map(int, digits), weights))


def luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(map(_LUHN_DOUBLED.__getitem__, digits[-2::-2]))
    return total % 10 == 0


def verhoeff(digits: str) -> bool:
    check = "0"
    for index, digit in enumerate(reversed(digits)):
        check = _VERHOEFF[index % 8][check, digit]
    return check == "0"


def mod_97(value: str) -> bool:
    """ISO 7064 MOD 97-10 over letters (A is 10) and digits, check digits last."""
    return int("".join(str(int(char, 36)) for char in value)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """ISO 7064 MOD 11,10: German tax ids, Croatian OIB."""
    product = 10
    for digit in digits[:-1]:
        product = (int(digit) + product) % 10 or 10
        product = product * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def all_same(digits: str) -> bool:
    return len(set(digits)) == 1


def is_day(day: int, month: int) -> bool:
    """Whether the day exists in the month of some year."""
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in {4, 6, 9, 11} else 31)


def yymmdd(digits: str) -> bool:
    """Whether ``digits`` begin with a year of two digits, a month and a day."""
    return is_day(int(digits[4:6]), int(digits[2:4]))


def ddmmyy(digits: str) -> bool:
    """Whether ``digits`` begin with a day, a month and a year of two digits."""
    return is_day(int(digits[:2]), int(digits[2:4]))


_LUHN_DOUBLED = {str(digit): digit * 2 - 9 * (digit > 4) for digit in range(10)}
