"""Credentials in text: the library functions as they are documented."""

from __future__ import annotations

import pytest

from forgelm.audit.pii.find import detect_pii, mask_pii
from forgelm.audit.secrets.find import detect_secrets, find_secrets, mask_secrets


def test_the_documented_example() -> None:
    text = "Contact alice@example.com or use AK" + "IAIOSFODNN7EXAMPLE for the call."
    assert [(finding.kind, finding.span) for finding in find_secrets(text)] == [("aws_access_key", (33, 53))]
    assert detect_secrets(text) == {"aws_access_key": 1}
    assert detect_pii(text) == {"email": 1}
    assert mask_secrets(mask_pii(text)) == "Contact [REDACTED] or use [REDACTED-SECRET] for the call."


def test_only_the_value_of_a_setting_is_masked() -> None:
    text = 'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPx' + 'RfiCYEXAMPLEKEY"'
    assert mask_secrets(text) == 'aws_secret_access_key = "[REDACTED-SECRET]"'
    assert mask_secrets("postgres://app:s3cr3t!pw@db/x", "***") == "postgres://app:***@db/x"


def test_a_whole_private_key_goes_even_when_it_was_cut_off() -> None:
    head, line = "-----BEGIN PRIV" + "ATE KEY-----", "MIIE" + "a1B2" * 15
    end = "-----END PRIV" + "ATE KEY-----"
    assert mask_secrets(f"a {head}\n{line}\n{line}\nQ==\n{end} b") == "a [REDACTED-SECRET] b"
    assert mask_secrets(f"a {head}\n{line}\n{line}") == "a [REDACTED-SECRET]"
    assert mask_secrets(f"{head}\\n{line}\\n{end}\\n") == "[REDACTED-SECRET]\\n"
    assert mask_secrets(f"{head} is how it begins.") == f"{head} is how it begins."


def test_the_named_family_is_reported_rather_than_the_generic_one() -> None:
    assert detect_secrets("api_key = 'gh" + "p_" + "aB3" * 12 + "'") == {"github_token": 1}


def test_a_long_header_without_an_end_costs_no_more_than_its_length() -> None:
    assert detect_secrets(("-----BEGIN PRIV" + "ATE KEY-----\n") * 20_000) == {}


@pytest.mark.parametrize("text", [None, 5, b"key"])
def test_what_is_not_text_is_refused(text: object) -> None:
    for function in (detect_secrets, find_secrets, mask_secrets):
        with pytest.raises(TypeError, match="expected a string"):
            function(text)  # type: ignore[operator]
