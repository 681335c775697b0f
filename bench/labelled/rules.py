"""The rules of identity numbers, from python-stdnum and, where it has none, written out: independent of the product."""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable
from functools import cache

from stdnum import luhn

Rule = Callable[[str], bool]

_LONG = "6011|65|64[4-9]|35|62|3[689]|30[0-5]|220[0-4]"
_CARDS = {13: "4", 14: "3[689]|30[0-5]", 15: "3[47689]|30[0-5]", 16: f"4|5[1-5]|2[2-7]|{_LONG}", 17: _LONG, 18: _LONG,
          19: f"4|{_LONG}"}  # fmt: skip


@cache
def rule(name: str) -> Rule:
    """Return the rule of that name: a module of stdnum such as ``de.idnr``, or one of this file."""
    if name in WRITTEN:
        return WRITTEN[name]
    valid = importlib.import_module(f"stdnum.{name}").is_valid
    return lambda value: bool(valid(value))


def _digits(value: str) -> list[int]:
    return [int(char) for char in value if char.isdigit()]


def _card(value: str) -> bool:
    digits = re.sub("[ -]", "", value)
    prefix = _CARDS.get(len(digits))
    return prefix is not None and re.match(prefix, digits) is not None and luhn.is_valid(digits)


def _iban(value: str) -> bool:
    number = value.replace(" ", "").upper()
    return int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1


def _german_card(value: str) -> bool:
    return sum(int(char, 36) * (7, 3, 1)[at % 3] for at, char in enumerate(value[:9])) % 10 == int(value[9])


def _medicare(value: str) -> bool:
    digits = _digits(value)
    return sum(a * b for a, b in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9), strict=False)) % 10 == digits[8]


def _snils(value: str) -> bool:
    digits = _digits(value)
    return sum(digit * (9 - at) for at, digit in enumerate(digits[:9])) % 101 % 100 == digits[9] * 10 + digits[10]


def _taiwan(value: str) -> bool:
    area = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0]) + 10
    numbers = [area // 10, area % 10, *_digits(value)]
    return sum(a * b for a, b in zip(numbers, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0


def _singapore(value: str) -> bool:
    total = sum(a * b for a, b in zip(_digits(value), (2, 7, 6, 5, 4, 3, 2), strict=True)) + 4 * (value[0] in "TG")
    return ("JZIHGFEDCBA" if value[0] in "ST" else "XWUTRQPNMLK")[total % 11] == value[-1]


def _hong_kong(value: str) -> bool:
    letter, digits, check = value[0], _digits(value[1:7]), value[8]
    total = 36 * 9 + (ord(letter) - 55) * 8 + sum(a * b for a, b in zip(digits, range(7, 1, -1), strict=True))
    return (total + (10 if check == "A" else int(check))) % 11 == 0


def _public_address(value: str) -> bool:
    address = ipaddress.ip_address(value)
    return address.is_global and not address.is_multicast


WRITTEN: dict[str, Rule] = {
    "card": _card,
    "iban97": _iban,
    "german card": _german_card,
    "medicare": _medicare,
    "snils": _snils,
    "taiwan": _taiwan,
    "singapore": _singapore,
    "hong kong": _hong_kong,
    "public address": _public_address,
    "any": lambda value: True,
}
