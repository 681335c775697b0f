"""One person is found in every spelling, nobody else is, and no text takes long."""

from __future__ import annotations

import time

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.erasure.identifiers import IdentifierType, build_search, normalise

LITERAL, EMAIL, PHONE = IdentifierType.LITERAL, IdentifierType.EMAIL, IdentifierType.PHONE
IBAN, CARD, SSN, TR = IdentifierType.IBAN, IdentifierType.CREDIT_CARD, IdentifierType.US_SSN, IdentifierType.TR_ID


@pytest.mark.parametrize(
    ("kind", "query", "text"),
    [
        (LITERAL, "Ada  Lovelace", "by ada\nLOVELACE."),
        (LITERAL, "Stra\u00dfe", "STRASSE"),
        (LITERAL, "Ang\u00e9la", "ANGE\u0301LA"),
        (EMAIL, "Ada.L@Example.org", "write to <ada.l@example.ORG>."),
        (EMAIL, "ada@example.org", "mailto:ada@example.org?subject=x"),
        (EMAIL, "ada@intranet", "ada@intranet, please"),
        (EMAIL, "ada@example.org", "\uff41\uff44\uff41@example.org"),
        (PHONE, "+49 30 90182012", "(030) 901820-12"),
        (PHONE, "030 90182012", "+49 30 9018 2012"),
        (PHONE, "+4930 90182012", "0049 30 901 820 12"),
        (PHONE, "+49 30 90182012", "\u0660\u0663\u0660 90182012"),
        (PHONE, "(415) 555-0132", "+1 415.555.0132"),
        (IBAN, "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        (IBAN, "DE89370400440532013000", "IBAN: DE89 3704 0044 0532 0130 00,"),
        (CARD, "4111111111111111", "4111-1111-1111-1111"),
        (SSN, "078-05-1120", "078 05 1120"),
        (TR, "10000000146", "kimlik 100 000 001 46"),
    ],
)
def test_found_however_it_is_written(kind: IdentifierType, query: str, text: str) -> None:
    hit = build_search(query, kind)(text)
    assert hit is not None
    assert hit.text == normalise(text)
    assert hit.start < hit.end


@pytest.mark.parametrize(
    ("kind", "query", "text"),
    [
        (LITERAL, "Ada Lovelace", "Ada L."),
        (EMAIL, "da@example.org", "ada@example.org"),
        (EMAIL, "a@example.org", "x.a@example.org"),
        (EMAIL, "ada@example.org", "ada@example.organic"),
        (EMAIL, "ada@example.org", "ada@example.org-old.net"),
        (PHONE, "+49 30 90182012", "+49 40 90182012"),
        (PHONE, "+49 30 90182012", "030 901820123"),
        (PHONE, "+49 30 90182012", "5530 90182012 4"),
        (CARD, "4111111111111111", "54111111111111111"),
        (CARD, "4111111111111111", "4111 1111 1111 1112"),
        (SSN, "078-05-1120", "1078-05-1120"),
        (SSN, "078-05-1120", "0 78 ........ 05 1120"),
        (TR, "10000000146", "10000000145"),
    ],
)
def test_nobody_else_is_found(kind: IdentifierType, query: str, text: str) -> None:
    assert build_search(query, kind)(text) is None


@pytest.mark.parametrize(
    ("kind", "query", "message"),
    [
        (LITERAL, "  ", "empty"),
        (EMAIL, "ada", "no e-mail address"),
        (PHONE, "12345", "at least 7 digits"),
        (IBAN, "--", "no iban"),
        (IdentifierType.CUSTOM, "(", "cannot be used"),
        (IdentifierType.CUSTOM, r"(a)\1", "RE2"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(kind: IdentifierType, query: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_search(query, kind)


def test_an_expression_is_read_by_a_linear_engine() -> None:
    search = build_search(r"emp-[0-9]{4}\b", IdentifierType.CUSTOM)
    hit = search("\u00e4\u00e4 EMP-1 emp-0042 left")
    assert hit is not None
    assert hit.text[hit.start :].startswith("emp-0042")
    assert search("emp-12") is None
    assert build_search("(a+)+$", IdentifierType.CUSTOM)("a" * 100_000 + "b") is None


@pytest.mark.torture
@pytest.mark.parametrize("kind", [kind for kind in IdentifierType if kind is not IdentifierType.CUSTOM])
def test_no_text_takes_long(kind: IdentifierType) -> None:
    query = {EMAIL: "a@b.cd", IBAN: "DE89370400440532013000"}.get(kind, "1111111112")
    search = build_search(query, kind)
    for part in ("1", "a@", "a.b@b.cd", "1 ", "\u0661", "+49 "):
        evil = part * (1_000_000 // len(part))
        began = time.process_time()
        search(evil)
        assert time.process_time() - began < 10
