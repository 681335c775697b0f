from __future__ import annotations

import pytest

from forgelm.base.errors import DataError
from forgelm.data.problems import SHOWN, RowProblems, describe, join_names, quote, row_problem


def test_the_first_problems_are_shown_and_all_are_counted() -> None:
    problems = RowProblems()
    for number in range(1, 13):
        problems.add(row_problem("'text' is empty", source="a.jsonl", part=None, number=number))
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("a.jsonl: 12 rows are bad", hint="correct them")
    assert len(caught.value.problems) == SHOWN
    assert "a.jsonl:5: 'text' is empty\n  and 7 more\n  hint: correct them" in str(caught.value)
    assert caught.value.exit_code == 1


def test_no_problem_no_error() -> None:
    RowProblems().raise_if_any("never said")


def test_quoted_data_is_short_printable_and_holds_no_credential() -> None:
    assert quote("x" * 100) == "'" + "x" * 40 + "'…"
    assert "\n" not in quote("a\nb")
    assert quote("\ud800").isascii()
    assert "hf_" not in quote("hf_" + "a" * 30)


def test_values_are_described_in_the_words_of_json() -> None:
    described = [describe(value) for value in (None, True, 1, 0.5, "a", [], {}, b"a")]
    assert described == ["null", "true/false", "a number", "a number", "text", "a list", "an object", "bytes"]


def test_long_lists_of_names_are_cut_and_odd_names_quoted() -> None:
    assert join_names(["a", "b\n"]) == "a, 'b\\n'"
    assert join_names([str(number) for number in range(15)]).endswith("11 and 3 more")
