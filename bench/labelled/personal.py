"""Personal data that obeys its rules, and what fails them by a digit: wrong check digits, lengths, prefixes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

import phonenumbers

from bench.labelled.kinds import KINDS, Kind
from bench.labelled.rules import rule
from bench.labelled.text import CARRIERS, Labelled, carry, fill

_TRIES = 20_000
# Countries of banks, with the letters and digits that follow the check digits.
_BANKS = (
    ("DE", "<d18>"), ("FR", "<d10><n11><d2>"), ("GB", "NWBK<d14>"), ("NL", "ABNA<d10>"), ("ES", "<d20>"),
    ("IT", "X<d10><n12>"), ("TR", "<d5>0<n16>"), ("PL", "<d24>"), ("BE", "<d12>"), ("CH", "<d5><n12>"), ("AT", "<d16>"),
    ("SE", "<d20>"), ("NO", "<d11>"), ("DK", "<d14>"), ("FI", "<d14>"), ("PT", "<d21>"), ("CZ", "<d20>"),
    ("RO", "BTRL<n16>"), ("GR", "<d7><n16>"), ("HU", "<d24>"), ("SA", "<d2><n18>"), ("AE", "<d19>"), ("UA", "<d25>"),
)  # fmt: skip
_REGIONS = {
    "US": "en", "GB": "en", "DE": "de", "AT": "de", "FR": "fr", "ES": "es", "MX": "es", "IT": "it", "NL": "nl",
    "PT": "pt", "BR": "pt", "TR": "tr", "PL": "pl", "RU": "ru", "UA": "uk", "BG": "bg", "GR": "el", "RO": "ro",
    "CZ": "cs", "SE": "sv", "NO": "no", "DK": "da", "FI": "fi", "JP": "ja", "KR": "ko", "CN": "zh", "IL": "he",
    "EG": "ar", "IN": "hi", "TH": "th", "MY": "ms", "PK": "ur",
}  # fmt: skip
_PHONE_WORDS = {
    "en": "phone", "de": "Telefon", "fr": "téléphone", "es": "teléfono", "it": "telefono", "nl": "telefoon",
    "pt": "telefone", "tr": "telefon", "pl": "telefon", "ru": "телефон", "ja": "電話", "zh": "电话", "ko": "전화",
    "cs": "telefon", "sv": "telefon", "no": "telefon", "da": "telefon", "fi": "puhelin",
}  # fmt: skip
_MAILBOXES = (
    "<l5>.<l7>", "<l8><d2>", "<l1>.<l6>+<l4>", "<l4>_<l5>", "müller.<l3>", "иван.<l3>", "νίκος<d2>", "o'<l5>",
    "<l6>-<l4>",
)  # fmt: skip
_HOSTS = (
    "<l7>.com",
    "mail.<l6>.de",
    "<l5>.co.uk",
    "bücher-<l3>.example",
    "<l9>.org",
    "xn--<l6>-kva.example",
    "почта.рф",
)


def personal_texts(count: int, chance: random.Random) -> Iterator[Labelled]:
    """Yield ``count`` texts of every kind; three in four are the real thing, the others fail its rules."""
    for kind in KINDS:
        yield from _numbers(kind, count, chance)
    for kind_of, make in (
        ("iban", _iban),
        ("phone", _phone),
        ("email", _email),
        ("ip_address", _ip),
        ("mac_address", _mac),
    ):
        for _ in range(count):
            yield make(chance, kind_of)


def _numbers(kind: Kind, count: int, chance: random.Random) -> Iterator[Labelled]:
    for number in range(count):
        language, label = chance.choice(kind.labels)
        value = _obeying(kind, chance)
        is_wrong = number % 4 == 3 or None
        if is_wrong:
            value = _failing(kind, value, chance)
        shown = label if kind.named or (chance.random() < 0.5 and not (is_wrong and not kind.has_check)) else ""
        yield carry(value, language, shown, about=kind.kind, kind=None if is_wrong else kind.kind)


def _obeying(kind: Kind, chance: random.Random) -> str:
    for _ in range(_TRIES):
        value = fill(chance.choice(kind.templates), chance)
        if rule(kind.rule)(value) and (kind.named or not _is_another(kind, value)):
            return value
    raise ValueError(f"no {kind.kind} obeys {kind.rule}")


def _failing(kind: Kind, value: str, chance: random.Random) -> str:
    """A digit is changed, lost or added; what comes out is a number of no kind at all."""
    for _ in range(_TRIES):
        at = chance.choice([place for place, char in enumerate(value) if char.isdigit()])
        other = chance.choice("0123456789".replace(value[at], ""))
        wrong = chance.choice([value[:at] + value[at + 1 :], value[:at] + other + value[at:]])
        if kind.has_check and chance.random() < 0.6:
            wrong = value[:at] + other + value[at + 1 :]
        if not _obeys_any(wrong):
            return wrong
    raise ValueError(f"every change of {kind.kind} {value} is a number too")


def _is_another(kind: Kind, value: str) -> bool:
    return any(_obeys(other, value) for other in KINDS if other.kind != kind.kind and not other.named)


def _obeys_any(value: str) -> bool:
    return any(_obeys(kind, value) for kind in KINDS)


def _obeys(kind: Kind, value: str) -> bool:
    """Whether ``value`` could be one of the kind's and its rule holds; with a check digit, however it is grouped."""
    bare = _bare(value)
    outline = _outline(bare if kind.has_check else value)
    if not any(_fits(outline, template, kind) for template in kind.templates):
        return False
    try:
        return rule(kind.rule)(value) or rule(kind.rule)(bare)
    except (ValueError, IndexError):
        return False


@cache
def _fits(outline: str, template: str, kind: Kind) -> bool:
    if "<g" in template:
        return len(outline) == 10
    example = fill(template, random.Random(0))
    return outline == _outline(_bare(example) if kind.has_check else example)


def _outline(value: str) -> str:
    return re.sub("[A-Z]", "A", re.sub("[0-9]", "0", value))


def _bare(value: str) -> str:
    return re.sub("[^0-9A-Za-z]", "", value)


def _iban(chance: random.Random, kind: str) -> Labelled:
    country, template = chance.choice(_BANKS)
    account = fill(template, chance)
    rest = int("".join(str(int(char, 36)) for char in f"{account}{country}00")) % 97
    check, is_wrong = 98 - rest, chance.random() < 0.25
    if is_wrong:
        check = (check + chance.randint(1, 90)) % 97 + 1
        check = check if check % 97 != (98 - rest) % 97 else check % 97 + 1
    number = f"{country}{check:02d}{account}"
    value = chance.choice([number, " ".join(number[at : at + 4] for at in range(0, len(number), 4)), number.lower()])
    return carry(
        value, chance.choice(list(CARRIERS)), chance.choice(["IBAN", ""]), about=kind, kind=None if is_wrong else kind
    )


def _phone(chance: random.Random, kind: str) -> Labelled:
    region, language = chance.choice(list(_REGIONS.items()))
    example = phonenumbers.example_number_for_type(region, chance.choice([0, 1]))
    while True:
        digits = str(example.national_number)
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=int(digits[:-5] + fill("<d5>", chance)),
            italian_leading_zero=example.italian_leading_zero,
        )
        if phonenumbers.is_valid_number(number):
            break
    label = _PHONE_WORDS.get(language, "")
    formats = phonenumbers.PhoneNumberFormat
    shown = chance.choice([formats.INTERNATIONAL, formats.E164] + [formats.NATIONAL] * bool(label))
    value = phonenumbers.format_number(number, shown)
    if chance.random() < 0.25:
        short = re.match(r"\+?[0-9]{1,3}[ -]?[0-9]{1,3}", value)
        return carry(short[0] if short else value[:4], language, "", about=kind, kind=None)
    return carry(
        value, language, label if shown == formats.NATIONAL else chance.choice([label, ""]), about=kind, kind=kind
    )


def _email(chance: random.Random, kind: str) -> Labelled:
    mailbox, host = fill(chance.choice(_MAILBOXES), chance), fill(chance.choice(_HOSTS), chance)
    language = chance.choice(list(CARRIERS))
    if chance.random() < 0.25:
        wrong = chance.choice(
            [f"@{mailbox}", f"{mailbox}@", f"{mailbox}@localhost", f"{mailbox} @ {host}", f"{mailbox}.{host}"]
        )
        return carry(wrong, language, "", about=kind, kind=None)
    return carry(f"{mailbox}@{host}", language, chance.choice(["e-mail", ""]), about=kind, kind=kind)


def _ip(chance: random.Random, kind: str) -> Labelled:
    six = chance.random() < 0.3
    while True:
        value = (
            f"2a0{chance.randint(0, 9)}:{fill('<h4>', chance)}::{fill('<h4>', chance)}"
            if six
            else ".".join(str(chance.randint(1, 254)) for _ in range(4))
        )
        if rule("public address")(value):
            break
    if chance.random() < 0.25:
        octets = [str(chance.randint(1, 254)) for _ in range(4)]
        octets[chance.randrange(4)] = str(chance.randint(256, 999))
        value = chance.choice(
            [".".join(octets), f"{value}.7" if not six else "12:34:56", f"v{octets[0]}.{octets[1]}.3"]
        )
        return carry(value, "en", "", about=kind, kind=None)
    return carry(value, chance.choice(list(CARRIERS)), chance.choice(["IP", ""]), about=kind, kind=kind)


def _mac(chance: random.Random, kind: str) -> Labelled:
    mark = chance.choice(":-")
    parts = [fill(chance.choice(["<h2>", "<H2>"]), chance) for _ in range(6)]
    if chance.random() < 0.25:
        wrong = chance.choice([parts[:5], [*parts, "0f"], [*parts[:5], "zz"], ["00"] * 6])
        return carry(mark.join(wrong), "en", "", about=kind, kind=None)
    return carry(mark.join(parts), chance.choice(list(CARRIERS)), chance.choice(["MAC", ""]), about=kind, kind=kind)
