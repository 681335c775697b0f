"""The exact rule: windows change nothing, overlaps are settled, hostile texts take no longer than others."""

from __future__ import annotations

import random
import string
import time

import pytest
from audit.secrets.samples import SAMPLES, near_miss, sample
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_reference import find_slowly

from forgelm.audit.matching.exact import find, find_claims
from forgelm.audit.matching.family import Family
from forgelm.audit.pii.addresses import ADDRESS_FAMILIES
from forgelm.audit.pii.families import PII_FAMILIES
from forgelm.audit.secrets.families import SECRET_FAMILIES

FAMILIES = PII_FAMILIES + ADDRESS_FAMILIES + SECRET_FAMILIES


@settings(max_examples=200, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            ["4111 1111 1111 1111", "10000000146", "bsn ", "111222333", "tel ", "0532 123 45 67", " ", ", ", "-", "1",
            "x",
             "alice@example.com", "@", "a", ".", "+90 532 123 45 67", "(212) 555-0123", "DE89370400440532013000", "é",
             "٣",
             "NIF 123456789 ", "T220001293", "GB82 WEST 1234 5698 7654 32",
             "٤١١١١١١١١١١١١١١١", "١٢٣-٤٥-٦٧٨٩", "\n",
             "123-45-6789", "12345678Z", "1 85 05 78 006 084 91"]
        ),
        max_size=25,
    ),
    piece=st.integers(1, 60),
)  # fmt: skip
def test_the_shortcuts_change_nothing(parts: list[str], piece: int) -> None:
    text = "".join(parts)
    expected = find_slowly(text, FAMILIES)
    assert [(found.kind, found.span, found.severity) for found in find(text, FAMILIES)] == expected
    claims = find_claims(text, FAMILIES, piece=piece)
    assert [(claim.kind, claim.span, claim.severity) for claim in claims] == expected


@pytest.mark.parametrize("row", SAMPLES, ids=[row[0] for row in SAMPLES])
def test_the_shortcuts_lose_no_credential(row: tuple[str, ...]) -> None:
    text = f"x {sample(row[1], 3)[:2000]}\n{near_miss(row[1], row[2] if len(row) > 2 else None)[:500]}."
    expected = find_slowly(text, SECRET_FAMILIES)
    assert [(found.kind, found.span, found.severity) for found in find(text, SECRET_FAMILIES)] == expected
    claims = find_claims(text, SECRET_FAMILIES, piece=37)
    assert [(claim.kind, claim.span, claim.severity) for claim in claims] == expected


@settings(max_examples=200, deadline=None)
@given(text=st.text("abc ", max_size=120))
def test_chains_of_claims_are_settled_alike_at_once_and_bit_by_bit(text: str) -> None:
    families = [
        Family("three", "a[abc]{2}", "low", "pii", left=""),
        Family("open", "b[abc]{1,7}", "low", "pii", left=""),
        Family("weak", "[ab]{2,9}c", "low", "pii", left="", weak=True),
        Family("named", "[bc]{4}", "low", "pii", left="", context=("a",)),
        Family("other", "c[abc]{3}", "high", "secret", left=""),
        Family("late", "[abc]{4} [abc]", "high", "pii", left="", retries=True),
    ]
    claims = find_claims(text, families, piece=1)
    assert [(claim.kind, claim.span, claim.severity) for claim in claims] == find_slowly(text, families)


def test_a_long_text_full_of_claims_that_overlap_is_settled_as_quickly_as_any() -> None:
    families = [Family("pair", "[0-9]{2}-[0-9]{2}", "low", "pii"), Family("odd", "-[0-9]{2}-[0-9]", "low", "pii")]
    text = "12-34-56-78-" * 100_000
    assert [finding.kind for finding in find(text[:24], families)] == ["pair", "pair", "pair", "pair"]
    assert len(find(text, families)) == 200_000


def test_the_longer_claim_wins_then_the_named_one_then_the_first() -> None:
    first = Family("first", "[0-9]{4}", "low", "pii")
    named = Family("named", "[0-9]{4}", "low", "pii", context=("pin",))
    longer = Family("longer", "[0-9]{4}-[0-9]{2}", "low", "pii")
    weak = Family("weak", "[0-9-]{7}X?", "low", "pii", weak=True)
    kinds = lambda text: [finding.kind for finding in find(text, [first, named, longer, weak])]  # noqa: E731
    assert kinds("1234") == ["first"]
    assert kinds("pin 1234") == ["named"]
    assert kinds("pin 1234-56") == ["longer"]
    assert kinds("1234-56X 1111") == ["longer", "first"]


def test_the_groups_do_not_compete() -> None:
    families = [Family("a", "[0-9]{4}", "low", "pii"), Family("b", "[0-9]{4}", "critical", "secret")]
    assert [finding.kind for finding in find("1234", families)] == ["a", "b"]


def test_a_failed_check_tries_without_the_last_group() -> None:
    family = Family("n", "[0-9]+(?: [0-9]+){0,4}", "low", "pii", check=lambda value: len(value) <= 5, trims=True)
    assert [finding.span for finding in find("12 34 56 78", [family])] == [(0, 5), (6, 11)]


def test_the_preview_never_shows_the_value() -> None:
    (finding,) = find("call +90 532 123 45 67 now", PII_FAMILIES)
    assert finding.text_preview == "+** *** *** ** **"
    (finding,) = find("gh" + "p_" + "aB3" * 12, SECRET_FAMILIES)
    assert finding.text_preview == "ghp_********************…"


@pytest.mark.parametrize("text", [None, 3, b"bytes", ["a"]])
def test_what_is_not_text_is_refused(text: object) -> None:
    with pytest.raises(TypeError, match=f"expected a string to search, got {type(text).__name__}"):
        find(text, FAMILIES)  # type: ignore[arg-type]


SIZE = 1_000_000
REPEATED = (
    "a@", "é@", "a@a.", "a.", "@", "1", "1 ", "12 ", "123-", "4111 1111 1111 1111 ", "4444 4444 4444 4440 ", "DE89 ",
    "DE89370400440532013000 ", "+1 ", "+49 30 1", "(212) 55 ", "1.1.1.1 ", "2001:", "00:1b:", "1 85 05 78 ",
    "AB 12 34 56 ",
    "tel 12 34 56 78 ", "bsn 111222333 ", "000-00-0000 ", "A1", "-----BEGIN ", "-----BEGIN PRIV" + "ATE KEY-----",
    "-----BEGIN RSA PRIV" + "ATE KEY-----\n", "PuTTY-User-Key-File-2: x\n",
    "PuTTY-User-Key-File-2: x\nPrivate-Lines: 1\na",
    "eyJ", "eyJhbGciOi.", "eyJaaaaaaaa.eyJaaaaaaaa.", "\"'", "key=\"", "secret=a1B2c3", "token=abc.", "://a:b",
    "postgres://a:",
    "https://a:b@", "sig=", "Authorization: Bearer a1.", "machine a login b ", "aws_secret ", "heroku = ", "xoxb-",
    "sk-a-",
    "M" * 24 + ".", "1//0", "$ANSIBLE_VAULT;1.1;AES256\n", "12 Main ", "rue de la ", "[REDACTED]", "\ud800", "\x00",
    "٣٠",
)  # fmt: skip


def hostile() -> dict[str, str]:
    source = random.Random(1)
    texts = {repr(part): (part * (SIZE // len(part) + 1))[:SIZE] for part in REPEATED}
    for name, alphabet in {
        "base64": string.ascii_letters + "0123456789+/",
        "hex": "0123456789abcdef",
        "digits": "0123456789 ",
    }.items():
        texts[name] = "".join(source.choices(alphabet, k=SIZE))
    words = " ".join(word for family in FAMILIES for word in (*family.keywords, *family.context, "123456789"))
    texts["every word"] = (words * (SIZE // len(words) + 1))[:SIZE]
    return texts


@pytest.mark.torture
@pytest.mark.parametrize(("name", "text"), hostile().items(), ids=hostile())
def test_no_family_takes_a_second_for_a_hostile_megabyte(name: str, text: str) -> None:
    slowest = 0.0
    for family in FAMILIES:
        began = time.process_time()
        find(text, [family])
        slowest = max(slowest, time.process_time() - began)
    assert slowest < 1.0
