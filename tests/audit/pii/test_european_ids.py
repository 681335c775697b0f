"""The checks of European identity numbers against an independent implementation, on random numbers."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from string import ascii_uppercase

import pytest

from forgelm.audit.pii import european_ids as ids

stdnum = pytest.importorskip("stdnum")

ROUNDS = 4000


def digits(source: random.Random, count: int) -> str:
    return "".join(source.choices("0123456789", k=count))


def dated(source: random.Random, order: str) -> str:
    part = {
        "y": f"{source.randint(0, 99):02d}",
        "m": f"{source.randint(1, 12):02d}",
        "d": f"{source.randint(1, 28):02d}",
    }
    return "".join(part[char] for char in order)


def spanish(source: random.Random) -> str:
    letter = source.choice("TRWAGMYFPDXBNJZSQVHLCKE")
    return (digits(source, 8) if source.random() < 0.5 else source.choice("XYZ") + digits(source, 7)) + letter


def italian(source: random.Random) -> str:
    letters = "BCDFGLMNPRSTVZ"
    name = "".join(source.choices(letters, k=6))
    month, day = source.choice("ABCDEHLMPRST"), f"{source.randint(1, 28):02d}"
    place, check = source.choice("ABCDEFGHIL") + digits(source, 3), source.choice(ascii_uppercase)
    return f"{name}{digits(source, 2)}{month}{day}{place}{check}"


MADE: dict[str, tuple[Callable[[str], bool], str, Callable[[random.Random], str]]] = {
    "turkey": (ids.turkish_id, "tr.tckimlik", lambda s: digits(s, 11)),
    "france": (
        ids.french_nir,
        "fr.nir",
        lambda s: (
            s.choice("12")
            + dated(s, "ym")
            + f"{s.randint(1, 95):02d}"
            + f"{s.randint(1, 900):03d}"
            + f"{s.randint(1, 999):03d}"
            + f"{s.randint(1, 97):02d}"
        ),
    ),
    "germany": (
        ids.german_tax_id,
        "de.idnr",
        lambda s: "".join(s.sample("123456789", 9)) + s.choice("123456789") + digits(s, 1),
    ),
    "spain": (ids.spanish_id, "es.nif", spanish),
    "italy": (ids.italian_code, "it.codicefiscale", italian),
    "netherlands": (ids.dutch_bsn, "nl.bsn", lambda s: digits(s, 9)),
    "poland": (ids.polish_pesel, "pl.pesel", lambda s: dated(s, "ymd") + digits(s, 5)),
    "portugal": (ids.portuguese_nif, "pt.nif", lambda s: s.choice("12356") + digits(s, 8)),
    "portugal card": (ids.portuguese_card, "pt.cc", lambda s: digits(s, 9) + "ZZ" + digits(s, 1)),
    "nhs": (ids.british_nhs, "gb.nhs", lambda s: digits(s, 10)),
    "switzerland": (ids.swiss_ahv, "ch.ssn", lambda s: "756" + digits(s, 10)),
    "sweden": (ids.swedish_number, "se.personnummer", lambda s: dated(s, "ymd") + "-" + digits(s, 4)),
    "norway": (
        ids.norwegian_number,
        "no.fodselsnummer",
        lambda s: dated(s, "dm") + f"{s.randint(40, 99):02d}" + f"{s.randint(0, 499):03d}" + digits(s, 2),
    ),
    "finland": (
        ids.finnish_number,
        "fi.hetu",
        lambda s: dated(s, "dmy") + "-" + f"{s.randint(2, 899):03d}" + s.choice("0123456789ABCDEFHJKLMNPRSTUVWXY"),
    ),
    "belgium": (
        ids.belgian_number,
        "be.nn",
        lambda s: f"{s.choice([*range(25), *range(41, 100)]):02d}" + dated(s, "md") + digits(s, 5),
    ),
    "bulgaria": (ids.bulgarian_egn, "bg.egn", lambda s: dated(s, "ymd") + digits(s, 4)),
    "romania": (
        ids.romanian_cnp,
        "ro.cnp",
        lambda s: s.choice("12") + dated(s, "ymd") + f"{s.randint(1, 46):02d}" + digits(s, 4),
    ),
    "greece": (ids.greek_amka, "gr.amka", lambda s: dated(s, "dm") + f"{s.randint(30, 99):02d}" + digits(s, 5)),
    "estonia": (ids.baltic_code, "ee.ik", lambda s: s.choice("34") + dated(s, "ymd") + digits(s, 4)),
    "latvia": (ids.latvian_code, "lv.pvn", lambda s: dated(s, "dmy") + "1" + digits(s, 4)),
    "croatia": (ids.croatian_oib, "hr.oib", lambda s: digits(s, 11)),
    "ireland": (
        ids.irish_pps,
        "ie.pps",
        lambda s: digits(s, 7) + s.choice("WABCDEFGHIJKLMNOPQRSTUV") + s.choice(["", "A", "B"]),
    ),
    "russia": (ids.russian_inn, "ru.inn", lambda s: digits(s, 12)),
}


@pytest.mark.parametrize("country", MADE)
def test_the_check_agrees_with_stdnum(country: str) -> None:
    check, name, make = MADE[country]
    oracle = importlib.import_module(f"stdnum.{name}")
    source = random.Random(country)
    numbers = [make(source) for _ in range(ROUNDS)]
    differing = [number for number in numbers if check(number) != oracle.is_valid(number)]
    assert differing == []
    assert any(map(check, numbers)), "no valid number among the samples"


@pytest.mark.parametrize(
    ("check", "valid", "invalid"),
    [
        (ids.german_card, "T220001293", "T220001294"),
        (ids.german_card, "L01X00T471", "L01X00T472"),
        (ids.danish_cpr, "131252-1234", "321252-1234"),
        (ids.czech_number, "736028/5163", "736028/5164"),
        (ids.russian_snils, "112-233-445 95", "112-233-445 96"),
        (ids.ukrainian_number, "1759013776", "1759013777"),
        (ids.balkan_jmbg, "0101006500006", "0101006500007"),
        (ids.french_nir, f"1 80 01 2A 004 003 {97 - 1800119004003 % 97:02d}", "1 80 01 2A 004 003 97"),
    ],
)
def test_published_examples(check: Callable[[str], bool], valid: str, invalid: str) -> None:
    assert check(valid)
    assert not check(invalid)
