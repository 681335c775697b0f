"""Rows of texts only are read as Python reads them, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.reading.flat_lines import parse_flat_lines
from forgelm.audit.reading.json_lines import parse_json_lines

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["2024-01-01", '"', "\\", "\0", "\u2028", "}\n{", "a\tb", "😀"]
)
NAMES = st.lists(TEXTS, min_size=1, max_size=3, unique=True)


def _lines(rows: list[Any], *, is_ascii: bool = True, end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=is_ascii) + end for row in rows).encode()


@given(st.data(), NAMES, st.integers(1, 5), st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]))
@settings(max_examples=200, deadline=None)
def test_rows_of_the_same_texts_are_read_as_python_reads_them(
    data: st.DataObject, names: list[str], count: int, is_ascii: bool, end: str
) -> None:
    rows = [{name: data.draw(TEXTS) for name in names} for _ in range(count)]
    table = parse_flat_lines(_lines(rows, is_ascii=is_ascii, end=end), count)
    assert table is not None and table.to_pylist() == rows
    assert parse_json_lines(_lines(rows, is_ascii=is_ascii, end=end)).table.equals(table)


@pytest.mark.parametrize(
    "data",
    [
        *(_lines([{"a": "x"}, {"b": "x"}]), _lines([{"a": "x"}, {"a": "x", "b": "y"}]), _lines([{"a": None}] * 2)),
        *(_lines([{"a": 1}] * 2), _lines([{"a": {"b": "x"}}] * 2), _lines([{}, {}]), _lines([["x"], ["x"]])),
        *(_lines([{"a": "\ud800"}] * 2), b'{"a": "\t"}\n{}', b'{"a": "\xff"}\n{"a": "x"}', b'{"a": "x"}', b""),
        *(b'{"a": "x"},\n{"a": "y"}', b'{"a": "\\ud83d"}\n{"a": "x"}', b'{"a": "x"}\n' * 3),
    ],
)
def test_anything_else_is_left_to_others(data: bytes) -> None:
    assert parse_flat_lines(data, 2) is None


def test_a_name_given_twice_holds_what_was_given_last() -> None:
    table = parse_flat_lines(b'{"a": "x", "a": "y"}\n', 1)
    assert table is not None and table.to_pylist() == [json.loads('{"a": "x", "a": "y"}')]


@pytest.mark.parametrize("data", [b'{"a": "x"}{"a": "y"}\n{"b": "x"}\n', b'{"a": "x"}\n{"a": \n"x"}\n'])
def test_rows_that_are_not_one_a_line_are_no_rows_at_all(data: bytes) -> None:
    assert parse_json_lines(data).problems.counts != {}
