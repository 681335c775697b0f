"""What may stand around an identity number."""

from __future__ import annotations

import re

import pytest

from forgelm.audit.pii.shapes import AFTER, BEFORE, SPACE

NUMBER = re.compile(f"{BEFORE}[0-9]{{4}}{SPACE}[0-9]{{4}}{AFTER}")


@pytest.mark.parametrize("text", ["1234 5678", "(1234-5678)", "n:1234\u00a05678,", "1234\u20115678.", "号1234 5678号"])
def test_a_number_among_marks_and_other_scripts(text: str) -> None:
    assert NUMBER.search(text)


@pytest.mark.parametrize(
    "text", ["x1234 5678", "1234 5678x", "0.1234 5678", "1234 5678.9", "_1234 5678", "a-b0c1-1234 5678"]
)
def test_a_number_inside_something_else(text: str) -> None:
    assert NUMBER.search(text) is None
