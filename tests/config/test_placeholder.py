"""What stands in a form until somebody fills it in says nothing, in whatever spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.config.placeholder import is_placeholder

MARK = "to" + "do"


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "\n\t", "...", "…", "-", "--", "???", "___", "n/a", "N/A.", "n. a.", "NA", "none", "None", "null",
        "tbd", "T.B.D.", "TBA", "tbc", MARK, MARK.upper(), f"{MARK}: write this", "to be determined", "To be defined.",
        "lorem ipsum dolor sit amet", "Lorem ipsum", "xxx", "XXXX XXXX", "aaaa", "<name>", "[provider]", "{{ name }}",
        "[insert the purpose here]", "placeholder", "'placeholder'", "Not specified", "not applicable", "unknown",
        "test", "changeme", "change-me", "foo", "Your text here", "pending", "-- none --", "**tbd**", "fixme later",
    ],
)  # fmt: skip
def test_placeholders(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "Turn orders into JSON.", "1.0", "v2", "7B", "C", "R2", "Acme", "Nobody was tested apart.",
        "The unknown is listed.",
        "Test runs of the till in three cafés", "None of the groups was measured, because there are none.", "mastodon",
        "Datos de clientes", "客户订单", "Заказы", "注文", "No personal data is in it.",
        "It is not applicable to minors.",
        "[1] and [2] describe it", "A <b>", "Pending orders are read aloud.", "https://example.org/policy",
        "0.5 % error",
    ],
)  # fmt: skip
def test_what_says_something(text: str) -> None:
    assert not is_placeholder(text)


@given(st.text(max_size=40))
def test_case_and_space_make_no_difference(text: str) -> None:
    if text.upper().lower() == text.lower() and text.upper().casefold() == text.casefold():
        assert is_placeholder(f"  {text.upper()} ") == is_placeholder(text)
