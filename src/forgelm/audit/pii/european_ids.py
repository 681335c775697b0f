"""Checks of European identity numbers: text as matched -> whether its check digits and date fit."""

from __future__ import annotations

import re

from forgelm.audit.pii.checksums import all_same, compact, ddmmyy, digits_of, is_day, luhn, mod_11_10, weighted, yymmdd

_BIRTHS_TO_COME = "40"
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_FI_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_PPS_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"
_ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


def turkish_id(value: str) -> bool:
    numbers = [int(digit) for digit in value]
    odd, even = sum(numbers[0:9:2]), sum(numbers[1:8:2])
    return numbers[0] != 0 and (odd * 7 - even) % 10 == numbers[9] and sum(numbers[:10]) % 10 == numbers[10]


def french_nir(value: str) -> bool:
    number = compact(value)
    body, key = number[:13].replace("2A", "19").replace("2B", "18"), number[13:]
    return body.isdigit() and 97 - int(body) % 97 == int(key)


def german_card(value: str) -> bool:
    """Identity card or passport: nine characters and their check digit, weights 7, 3, 1."""
    total = sum(int(char, 36) * (7, 3, 1)[index % 3] for index, char in enumerate(value[:9]))
    return total % 10 == int(value[9])


def german_serial(value: str) -> bool:
    """Whether there is a digit, so that it is no word in capitals."""
    return any(map(str.isdigit, value))


def german_tax_id(value: str) -> bool:
    """Eleven digits; of the first ten exactly one occurs twice or three times."""
    digits = digits_of(value)
    different = set(digits[:10])
    if len(different) not in {8, 9} or digits[0] == "0":
        return False
    repeats = sorted(map(digits[:10].count, different))
    return repeats[-2] == 1 and mod_11_10(digits)


def spanish_id(value: str) -> bool:
    number = compact(value)
    body = str("XYZ".find(number[0])) + number[1:-1] if number[0] in "XYZ" else number[:-1]
    return _DNI_LETTERS[int(body) % 23] == number[-1]


def italian_code(value: str) -> bool:
    code = value.upper()
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in code[1:15:2])
    return chr(65 + (sum(_ODD[char] for char in code[:15:2]) + even) % 26) == code[15]


def dutch_bsn(value: str) -> bool:
    digits = digits_of(value)
    return not all_same(digits) and (weighted(digits[:8], range(9, 1, -1)) - int(digits[8])) % 11 == 0


def polish_pesel(value: str) -> bool:
    month = int(value[2:4]) % 20
    return is_day(int(value[4:6]), month) and weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def portuguese_nif(value: str) -> bool:
    digits = digits_of(value)
    return digits[0] in "1235689" and (11 - weighted(digits[:8], range(9, 1, -1)) % 11) % 11 % 10 == int(digits[8])


def portuguese_card(value: str) -> bool:
    total = 0
    for index, char in enumerate(reversed(compact(value))):
        number = int(char, 36) * (2 if index % 2 else 1)
        total += number - 9 if index % 2 and number > 9 else number
    return total % 10 == 0


def british_nhs(value: str) -> bool:
    digits = digits_of(value)
    check = 11 - weighted(digits[:9], range(10, 1, -1)) % 11
    return not all_same(digits) and check % 11 == int(digits[9]) and check != 10


def swiss_ahv(value: str) -> bool:
    digits = digits_of(value)
    return weighted(digits, (1, 3) * 7) % 10 == 0


def swedish_number(value: str) -> bool:
    digits = digits_of(value)[-10:]
    day = int(digits[4:6])
    return is_day(day - 60 if day > 60 else day, int(digits[2:4])) and luhn(digits)


def norwegian_number(value: str) -> bool:
    digits = digits_of(value)
    day = int(digits[:2])
    first = weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    second = weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return is_day(day - 40 if day > 40 else day, int(digits[2:4])) and first % 11 == 0 and second % 11 == 0


def danish_cpr(value: str) -> bool:
    """A birthday and four digits, of which the first says the century; numbers given since 2007 have no check digit."""
    digits = digits_of(value)
    year, mark = digits[4:6], digits[6]
    born_later = mark in "5678" or (mark in "49" and year < "37")
    return ddmmyy(digits) and (not born_later or year < _BIRTHS_TO_COME)


def finnish_number(value: str) -> bool:
    return ddmmyy(value) and _FI_LETTERS[int(value[:6] + value[7:10]) % 31] == value[10].upper()


def belgian_number(value: str) -> bool:
    digits = digits_of(value)
    month = int(digits[2:4])
    month -= 40 if month > 40 else 20 if month > 20 else 0
    if not is_day(int(digits[4:6]) or 1, month or 1):
        return False
    centuries = ("", "2") if digits[:2] < _BIRTHS_TO_COME else ("",)
    return any(97 - int(century + digits[:9]) % 97 == int(digits[9:]) for century in centuries)


def bulgarian_egn(value: str) -> bool:
    month = int(value[2:4]) % 20 if int(value[2:4]) > 12 else int(value[2:4])
    return is_day(int(value[4:6]), month) and weighted(value, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(value[9])


def czech_number(value: str) -> bool:
    digits = digits_of(value)
    month = int(digits[2:4]) % 50
    return is_day(int(digits[4:6]), month - 20 if month > 20 else month) and (
        int(digits) % 11 == 0 or (int(digits[:9]) % 11 == 10 and digits[9] == "0")
    )


def romanian_cnp(value: str) -> bool:
    county = int(value[7:9])
    check = weighted(value, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    known = 1 <= county <= 48 or county in {51, 52, 70} or 80 <= county <= 83
    return yymmdd(value[1:]) and known and check % 10 + (check == 10) == int(value[12])


def greek_amka(value: str) -> bool:
    return ddmmyy(value) and luhn(value)


def baltic_code(value: str) -> bool:
    """Estonia and Lithuania."""
    check = weighted(value[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(value[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return yymmdd(value[1:]) and check == int(value[10])


def latvian_code(value: str) -> bool:
    digits = digits_of(value)
    check = (1101 - weighted(digits, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10
    return ddmmyy(digits) and check == int(digits[10])


def croatian_oib(value: str) -> bool:
    return mod_11_10(value)


def balkan_jmbg(value: str) -> bool:
    check = (11 - weighted(value, (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11 % 10
    return ddmmyy(value) and re.match("9|0[0-2]", value[4:]) is not None and check == int(value[12])


def irish_pps(value: str) -> bool:
    extra = value[8:].upper()
    total = weighted(value[:7], range(8, 1, -1)) + (9 * (ord(extra) - 64) if extra and extra != "W" else 0)
    return _PPS_LETTERS[total % 23] == value[7].upper()


def ukrainian_number(value: str) -> bool:
    return weighted(value, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(value[9])


def russian_snils(value: str) -> bool:
    digits = digits_of(value)
    return weighted(digits, range(9, 0, -1)) % 101 % 100 == int(digits[9:])


def russian_inn(value: str) -> bool:
    first = weighted(value[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(value[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return not all_same(value) and first == int(value[10]) and second == int(value[11])
