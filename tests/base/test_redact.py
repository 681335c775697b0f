"""Credentials of every family disappear, wherever they stand; ordinary words and numbers stay."""

from __future__ import annotations

import random
import time

import pytest

from forgelm.base.redact import _SECRET_TEXT, REDACTED, is_unremarkable, redact, redact_text

# Made up; each has the shape of the real thing and is put together here so that no scanner takes it for one.
TOKENS = {
    "hugging face": "hf_" + "aBcD1234" * 4,
    "github": "ghp_" + "0123456789abcdefghij",
    "github oauth": "gho_" + "0123456789abcdefghij",
    "github fine-grained": "github_pat_" + "11ABCDEFG0aaaaaaaaaaaa_bbbbbbbb",
    "gitlab": "glpat-" + "x1y2z3-A4B5C6_D7E8F9",
    "openai": "sk-" + "A1b2C3d4E5f6G7h8I9j0K1l2",
    "openai project": "sk-proj-" + "A1b2C3-d4E5f6G7h8I9j0K1l2M3n4_O5p6",
    "anthropic": "sk-ant-api03-" + "Zz9-Yy8_Xx7Ww6Vv5Uu4Tt3Ss2Rr1Qq0Pp",
    "slack": "xoxb-" + "123456789012-abcdefABCDEF",
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "aws temporary": "ASIA" + "ABCDEFGHIJKLMNOP",
    "stripe": "sk_live_" + "A1b2C3d4E5f6G7h8I9j0K1l2",
    "npm": "npm_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
    "pypi": "pypi-AgE" + "IcHlwaS5vcmcCJDAxMjM0NTY3LTg5YWItY2RlZi0wMTIzNDU2Nzg5YWI",
    "sendgrid": "SG." + "aB3dE5fG7hI9jK1lM3nO5p." + "q7R9sT1uV3wX5yZ7aB9cD1eF3gH5iJ7kL9mN1oP3qR5",
    "digitalocean": "dop_v1_" + "0123456789abcdef" * 4,
    "shopify": "shpat_" + "0123456789abcdef" * 2,
    "vault": "hvs." + "CAESIJ0aB1cD2eF3gH4iJ5kL6mN7",
    "google": "AIza" + "SyA-1234567890abcdefghijklmnopqrstu",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJ" + "zdWIiOiIxMjM0In0." + "s5Zk-_1a",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
@pytest.mark.parametrize(
    "around",
    ["{}", "the token {} was refused", "KEY={}", '{{"key": "{}"}}', "({}),", "https://host/x?t={}&y=1", "\t{}\n"],
)
def test_a_token_is_replaced_and_nothing_else(token: str, around: str) -> None:
    assert redact_text(around.format(token)) == around.format(REDACTED)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("https://user:pass@host/x", f"https://{REDACTED}@host/x"),
        ("postgres://:secret@host/db", f"postgres://{REDACTED}@host/db"),
        ("Authorization: Bearer abc.DEF-123", f"Authorization: Bearer {REDACTED}"),
        ("authorization: bearer a1b2c3d4e5==", f"authorization: bearer {REDACTED}"),
        ("BEARER a1b2c3d4e5", f"BEARER {REDACTED}"),
    ],
)
def test_credentials_without_a_prefix_of_their_own(text: str, redacted: str) -> None:
    assert redact_text(text) == redacted


@pytest.mark.parametrize("kind", ["", "RSA ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_disappears_whole_even_when_its_end_is_missing(kind: str) -> None:
    begin, end = f"-----BEGIN {kind}PRIVATE KEY-----", f"-----END {kind}PRIVATE KEY-----"
    assert redact_text(f"key:\n{begin}\nMIIEvQ\nIBADAN\n{end}\nnext") == f"key:\n{REDACTED}\nnext"
    assert redact_text(f"key:\n{begin}\nMIIEvQ") == f"key:\n{REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a perfectly ordinary sentence",
        "data/my-task-classification-dataset-2024.jsonl",
        "risk-assessment-of-the-deployed-model-v2",
        "sk-wikipedia-articles-cleaned-2024",
        "the bearer instrument is transferable",
        "Bearer authentication is used",
        "https://example.org:8080/a/b?c=d",
        "s3://bucket@region/key",
        "mailto:user@example.org",
        "hf_dataset",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "AKIA is a prefix",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "0123456789abcdef0123456789abcdef01234567",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "hf_token",
        "HF_TOKEN",
        "access-token",
        "api_key",
        "judge_api_key",
        "apikey",
        "X-Api-Key",
        "secret",
        "client_secret",
        "aws_secret_access_key",
        "private_key",
        "password",
        "passwd",
        "credentials",
        "Authorization",
    ],
)
def test_a_value_under_a_secret_key_is_hidden(key: str) -> None:
    assert redact({key: "plain"}) == {key: REDACTED}
    assert redact({key: ["plain", {"x": "kept"}]}) == {key: [REDACTED, {"x": "kept"}]}


@pytest.mark.parametrize(
    "key",
    ["eos_token", "pad_token", "mask_token", "tokens", "target_tokens", "tokenizer", "api_key_env", "keys", "author"],
)
def test_a_value_under_an_ordinary_key_stays(key: str) -> None:
    assert redact({key: "plain"}) == {key: "plain"}


def test_nesting_is_followed_and_the_input_is_left_alone() -> None:
    token = TOKENS["hugging face"]
    original = {"auth": {"hf_token": "plain"}, "list": [f"a {token}", ({"url": f"https://u:{token}@h"},)], "n": 3}
    assert redact(original) == {
        "auth": {"hf_token": REDACTED},
        "list": [f"a {REDACTED}", [{"url": f"https://{REDACTED}@h"}]],
        "n": 3,
    }
    assert original["auth"] == {"hf_token": "plain"}


@pytest.mark.parametrize("value", [None, "", 0, False, 7, 1.5])
def test_what_is_no_text_stays_even_under_a_secret_key(value: object) -> None:
    assert redact({"hf_token": value}) == {"hf_token": value}
    assert redact(value) == value


def test_redacting_twice_changes_nothing() -> None:
    once = redact({"hf_token": "plain", "text": " ".join(TOKENS.values())})
    assert redact(once) == once


def test_a_token_in_a_key_is_replaced_too() -> None:
    token = TOKENS["hugging face"]
    assert redact({f"see {token}": 1, "n": {token: token}}) == {f"see {REDACTED}": 1, "n": {REDACTED: REDACTED}}


@pytest.mark.parametrize("unit", ["sk-", "eyJ-", "https://a:", "bearer ", "-----BEGIN ", "hf_", "AKIA"])
def test_hostile_text_does_not_stall_it(unit: str) -> None:
    began = time.process_time()
    redact_text(unit * (200_000 // len(unit)))
    assert time.process_time() - began < 5


def test_no_text_is_passed_over_that_the_expression_matches() -> None:
    random_ = random.Random(3)
    pieces = [*TOKENS.values(), "://u:p@h", "bearer a1b2c3d4e5", "BeArEr 12345678", "-----BEGIN PRIVATE KEY-----x"]
    pieces += ["ordinary", "A", "eyJ", "earer", ":", ".", "-", "_", " ", "\n", "\u017f", "\u212a", "\u0130"]
    for _ in range(20_000):
        text = "".join(random_.choices(pieces, k=random_.randrange(4)))[random_.randrange(5) :]
        assert redact_text(text) == _SECRET_TEXT.sub(REDACTED, text)
    for piece in pieces:
        assert redact_text(piece) == _SECRET_TEXT.sub(REDACTED, piece)


@pytest.mark.parametrize("name", ["password", "api_key", "x-token", TOKENS["github"], "key " + TOKENS["jwt"]])
def test_names_that_hide_or_are_hidden_are_told_from_ordinary_ones(name: str) -> None:
    assert not is_unremarkable(name)
    assert is_unremarkable("target_tokens")
    assert is_unremarkable("a long name of an ordinary field")
