"""What numbers and hostile texts look like to a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.report.wording import count_of, list_counts, percent, show_bytes, show_name, show_text


def test_counts_agree_with_their_noun() -> None:
    assert [count_of(0, "row"), count_of(1, "row"), count_of(1234, "row")] == ["0 rows", "1 row", "1,234 rows"]
    assert count_of(2, "match", "matches") == "2 matches"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0%"),
        (1e-9, "<0.1%"),
        (0.001, "0.1%"),
        (0.25, "25%"),
        (0.3333, "33.3%"),
        (0.9999, ">99.9%"),
        (1.0, "100%"),
    ],
)
def test_a_little_is_not_nothing_and_nearly_all_is_not_all(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_the_most_frequent_come_first_and_the_rest_is_counted() -> None:
    assert list_counts({"a": 1, "b": 3, "c": 0}) == "b 3, a 1"
    assert list_counts(dict.fromkeys("abcdef", 1), most=4) == "a 1, b 1, c 1, d 1 and 2 more kinds"
    assert list_counts({}) == ""


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_999, "1000 kB"), (1_234_567, "1.23 MB")]
)
def test_sizes(size: int, shown: str) -> None:
    assert show_bytes(size) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("invoice\u202egpj.exe", "invoice\\u202egpj.exe"),
        ("a\u2066b\u2069\u200f", "a\\u2066b\\u2069\\u200f"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("क्\u200dष 👩\u200d💻", "क्\u200dष 👩\u200d💻"),
        ("12345678", "12345 … 3 more characters"),
    ],
)
def test_what_hides_or_reorders_text_is_spelled_out(text: str, shown: str) -> None:
    assert show_text(text, 5 if text.isdigit() else 100) == shown


def test_names_are_one_line() -> None:
    assert show_name("a\nb\tc") == "a\\nb\\tc"
    assert show_name("x" * 10_000 + ".jsonl:57", 20) == "x" * 10 + " … " + "x.jsonl:57"
    assert len(show_name("\u202e" * 10_000)) < 2000


@given(st.text(max_size=200))
def test_whatever_is_shown_can_be_printed(text: str) -> None:
    shown = show_text(text, 100)
    shown.encode("utf-8")
    assert not any((ord(char) < 32 and char not in "\n\t") or 0x202A <= ord(char) <= 0x202E for char in shown)
