"""The checks of identity numbers outside Europe against an independent implementation, on random numbers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from forgelm.audit.pii import world_ids as ids

stdnum = pytest.importorskip("stdnum")

ROUNDS = 4000


def digits(source: random.Random, count: int) -> str:
    return "".join(source.choices("0123456789", k=count))


def date(source: random.Random) -> str:
    return f"{source.randint(40, 99):02d}{source.randint(1, 12):02d}{source.randint(1, 28):02d}"


MADE: dict[str, tuple[Callable[[str], bool], str, Callable[[random.Random], str]]] = {
    "brazil": (ids.brazilian_cpf, "br.cpf", lambda s: digits(s, 11)),
    "india": (ids.indian_aadhaar, "in_.aadhaar", lambda s: s.choice("23456789") + digits(s, 11)),
    "canada": (ids.canadian_sin, "ca.sin", lambda s: s.choice("1234567") + digits(s, 8)),
    "australia": (ids.australian_tfn, "au.tfn", lambda s: digits(s, 9)),
    "china": (ids.chinese_id, "cn.ric", lambda s: "110101" + "19" + date(s) + digits(s, 3) + s.choice("0123456789X")),
    "japan": (ids.japanese_number, "jp.in_", lambda s: digits(s, 12)),
    "singapore": (
        ids.singaporean_nric,
        "sg.nric",
        lambda s: s.choice("STFG") + digits(s, 7) + s.choice("ABCDEFGHIJZKLMNPQRTUWX"),
    ),
    "israel": (ids.israeli_id, "il.idnr", lambda s: digits(s, 9)),
    "south africa": (
        ids.south_african_id,
        "za.idnr",
        lambda s: date(s) + digits(s, 4) + s.choice("01") + "8" + digits(s, 1),
    ),
    "argentina": (ids.argentine_cuit, "ar.cuit", lambda s: "20" + digits(s, 9)),
    "chile": (ids.chilean_rut, "cl.rut", lambda s: digits(s, 8) + s.choice("0123456789K")),
    "thailand": (ids.thai_id, "th.pin", lambda s: s.choice("1234567") + digits(s, 12)),
    "mexico": (ids.mexican_curp, "mx.curp", lambda s: "BOXW" + date(s) + "HDFRRN" + digits(s, 2)),
}


@pytest.mark.parametrize("country", MADE)
def test_the_check_agrees_with_stdnum(country: str) -> None:
    check, name, make = MADE[country]
    oracle = pytest.importorskip(f"stdnum.{name}")
    source = random.Random(country)
    numbers = [make(source) for _ in range(ROUNDS)]
    assert [number for number in numbers if check(number) != oracle.is_valid(number)] == []
    assert any(map(check, numbers)), "no valid number among the samples"


@pytest.mark.parametrize(
    ("check", "valid", "invalid"),
    [
        (ids.australian_medicare, "2123 45670 1", "2123 45671 1"),
        (ids.taiwanese_id, "A123456789", "A123456788"),
        (ids.hong_kong_id, "A123456(3)", "A123456(4)"),
        (ids.hong_kong_id, "AB987654(3)", "AB987654(4)"),
        (ids.korean_number, "900101-1234567", "901301-1234567"),
        (ids.malaysian_id, "900101-14-1234", "903201-14-1234"),
    ],
)
def test_published_examples(check: Callable[[str], bool], valid: str, invalid: str) -> None:
    assert check(valid)
    assert not check(invalid)
