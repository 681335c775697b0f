"""Checks of identity numbers outside Europe: text as matched -> whether its check digits and date fit."""

from __future__ import annotations

from forgelm.audit.pii.checksums import all_same, compact, digits_of, luhn, verhoeff, weighted, yymmdd

_NRIC_LETTERS = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
_TAIWAN_AREAS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_CURP_ALPHABET = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ"


def brazilian_cpf(value: str) -> bool:
    digits = digits_of(value)
    return (
        weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10 == int(digits[9])
        and weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10 == int(digits[10])
        and not all_same(digits)
    )


def indian_aadhaar(value: str) -> bool:
    digits = digits_of(value)
    return not all_same(digits) and verhoeff(digits)


def canadian_sin(value: str) -> bool:
    digits = digits_of(value)
    return digits[0] not in "08" and luhn(digits)


def australian_tfn(value: str) -> bool:
    digits = digits_of(value)
    return not all_same(digits) and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def australian_medicare(value: str) -> bool:
    digits = digits_of(value)
    return weighted(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])


def chinese_id(value: str) -> bool:
    check = weighted(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return yymmdd(value[8:]) and "10X98765432"[check] == value[17].upper()


def korean_number(value: str) -> bool:
    """A birthday and seven digits; numbers given since 2020 carry no check digit."""
    return yymmdd(value)


def japanese_number(value: str) -> bool:
    digits = digits_of(value)
    rest = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return not all_same(digits) and (0 if rest <= 1 else 11 - rest) == int(digits[11])


def taiwanese_id(value: str) -> bool:
    area = _TAIWAN_AREAS.index(value[0].upper()) + 10
    return (area // 10 + area % 10 * 9 + weighted(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def singaporean_nric(value: str) -> bool:
    kind = value[0].upper()
    total = weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(kind, 0)
    return _NRIC_LETTERS[kind][total % 11] == value[8].upper()


def hong_kong_id(value: str) -> bool:
    number = compact(value)
    letters = number[:-7].rjust(2)
    total = sum((36 if char == " " else int(char, 36)) * weight for char, weight in zip(letters, (9, 8), strict=True))
    return (total + weighted(number[-7:-1], range(7, 1, -1)) + int(number[-1], 36)) % 11 == 0


def israeli_id(value: str) -> bool:
    digits = digits_of(value)
    return not all_same(digits) and luhn(digits)


def south_african_id(value: str) -> bool:
    return yymmdd(value) and luhn(value)


def mexican_curp(value: str) -> bool:
    code = value.upper()
    total = sum(_CURP_ALPHABET.index(char) * (18 - index) for index, char in enumerate(code[:17]))
    return yymmdd(code[4:]) and (10 - total % 10) % 10 == int(code[17])


def argentine_cuit(value: str) -> bool:
    digits = digits_of(value)
    return "09987654321"[weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11] == digits[10]


def chilean_rut(value: str) -> bool:
    number = compact(value)
    total = sum(int(digit) * (2 + index % 6) for index, digit in enumerate(reversed(number[:-1])))
    return "0K987654321"[total % 11] == number[-1]


def thai_id(value: str) -> bool:
    digits = digits_of(value)
    return (11 - weighted(digits[:12], range(13, 1, -1)) % 11) % 10 == int(digits[12])


def malaysian_id(value: str) -> bool:
    """A birthday, a place of birth and four digits; there is no check digit."""
    return yymmdd(value)
