"""Checks of bank accounts and payment cards, and the shape of an IBAN country by country."""

from __future__ import annotations

import re
from itertools import groupby
from types import MappingProxyType

from forgelm.audit.pii.checksums import compact, digits_of, luhn, mod_97

# ISO 13616 registry: country and the length of its IBAN in characters.
_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30"
)
IBAN_LENGTHS = tuple((entry[:2], int(entry[2:])) for entry in _REGISTRY.split())

# Issuer, the prefixes it gives, and the lengths its cards have.
CARD_ISSUERS = (
    ("visa", r"4", (13, 16, 19)),
    ("amex", r"3[47]", (15,)),
    ("mastercard", r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    ("discover", r"6011|65|64[4-9]", (16, 17, 18, 19)),
    ("jcb", r"35", (16, 17, 18, 19)),
    ("unionpay", r"62", (16, 17, 18, 19)),
    ("diners", r"3[68]|39|30[0-5]", (14, 15, 16, 17, 18, 19)),
    ("mir", r"220[0-4]", (16, 17, 18, 19)),
)
_PREFIX_OF_LENGTH = MappingProxyType(
    {
        length: re.compile("|".join(prefix for _, prefix, lengths in CARD_ISSUERS if length in lengths))
        for length in range(13, 20)
    }
)


def iban_pattern(separator: str) -> str:
    """Return a pattern of every country's IBAN, a separator allowed between any two characters."""
    by_length = sorted(IBAN_LENGTHS, key=lambda entry: (-entry[1], entry[0]))
    shapes = (
        f"(?:{'|'.join(country for country, _ in entries)})[0-9]{{2}}(?:{separator}?[0-9A-Z]){{{length - 4}}}"
        for length, entries in groupby(by_length, key=lambda entry: entry[1])
    )
    return f"(?i:{'|'.join(shapes)})"


def iban(value: str) -> bool:
    number = compact(value)
    return mod_97(number[4:] + number[:4])


def credit_card(value: str) -> bool:
    """Issuer prefix, a length that issuer uses, and the Luhn digit."""
    digits = digits_of(value)
    prefix = _PREFIX_OF_LENGTH.get(len(digits))
    return prefix is not None and prefix.match(digits) is not None and luhn(digits)
