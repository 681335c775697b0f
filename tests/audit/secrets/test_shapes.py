"""The two ways a row of the secret tables is built."""

from __future__ import annotations

import pytest

from forgelm.audit.matching.exact import find
from forgelm.audit.secrets.shapes import named, token

VALUE = "a1B2c3D4e5F6g7H8"


def test_a_token_stands_alone() -> None:
    family = token("acme", "acme_[A-Za-z0-9]{16}", "acme_")
    assert [finding.span for finding in find(f"x acme_{VALUE}.", [family])] == [(2, 23)]
    assert find(f"xacme_{VALUE}", [family]) == []
    assert find(f"acme_{VALUE}9", [family]) == []


@pytest.mark.parametrize(
    "text",
    [
        "acme_key={}",
        "ACME_API_KEY = '{}'",
        '"acmeKey": "{}"',
        "acme.api.key: {}",
        "acme key => {}",
        "config('acme', '{}')",
    ],
)
def test_a_value_is_given_to_a_name(text: str) -> None:
    family = named("acme", "acme", "[A-Za-z0-9]{16}")
    (finding,) = find(text.format(VALUE), [family])
    assert text.format(VALUE)[slice(*finding.span)] == VALUE


def test_a_name_without_a_value_or_with_a_word_is_none() -> None:
    family = named("acme", "acme", "[A-Za-z0-9]{16}")
    for text in (f"acme makes {VALUE}", "acme = aaaaaaaaaaaaaaaa", f"acme = {VALUE}9", "acme ="):
        assert find(text, [family]) == []
