"""Lines to rows: Arrow's way and Python's give the same, and what only one of them reads is not read by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.reading.json_lines import MOST_NESTED, mend_surrogates, parse_json_lines, parse_line

TEXTS = st.text(max_size=12) | st.sampled_from(
    ["2024-01-01", "2024-01-01 10:00:00", "1e5", "null", "\ud800", "\0", '"']
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.dictionaries(st.sampled_from(["a", "b", "text"]), VALUES, max_size=3)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


def _rows(batch: ReadBatch) -> list[dict[str, Any]]:
    return [batch.read_row(row) for row in range(len(batch))]


@given(st.lists(ROWS, max_size=5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_text_is_read_as_it_is(rows: list[dict[str, Any]], is_ascii: bool) -> None:
    data = b"".join(json.dumps(row, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass") + b"\n" for row in rows)
    read = _rows(parse_json_lines(data))
    if is_ascii or not any("\ud800" in json.dumps(row, ensure_ascii=False) for row in rows):
        assert [sorted(_texts(row)) for row in read] == [sorted(_texts(mend_surrogates(row))) for row in rows]
    assert len(read) == len(rows)


@pytest.mark.parametrize(
    "line",
    [
        *(b'{"a": 1}{"a": 2}', b'{"a": 1} x', b'{"a": 1', b"[1]", b'"x"', b"1", b"null", b"{'a': 1}", b'{"a": 1,}'),
        *(b'{"a": "\t"}', b'{"a": "\x00"}', b"\xef\xbb\xbf{}", b'{"a": 01}', b'{"a": "x}', b"\x0c{}"),
    ],
)
def test_what_is_no_row_is_named_with_its_line_and_spoils_no_other(line: bytes) -> None:
    batch = parse_json_lines(b'{"a": "x"}\n' + line + b'\n\n{"a": "y"}\n')
    assert _rows(batch) == [{"a": "x"}, {"a": "y"}]
    assert sum(batch.problems.counts.values()) == 1
    assert [places[0] for places in batch.problems.places.values()] == [1]
    assert [batch.line_of(0), batch.line_of(1), batch.line_count] == [0, 3, 4]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_blank_lines_are_lines_and_hold_no_row(end: bytes) -> None:
    batch = parse_json_lines(end.join([b"", b'{"a": "x"}', b" \t", b"", b'{"a": "y"}', b""]))
    assert batch.table is not None and batch.problems.counts == {}
    assert [batch.line_of(0), batch.line_of(1), batch.line_count] == [1, 4, 5]


def test_dates_stay_the_text_they_are() -> None:
    batch = parse_json_lines(b'{"day": "2024-01-01", "in": [{"at": "2024-01-01T10:00:00Z", "by": "x"}]}\n')
    assert batch.table is not None
    assert _rows(batch) == [{"day": "2024-01-01", "in": [{"at": "2024-01-01T10:00:00Z", "by": "x"}]}]


def test_a_column_of_several_types_is_read_line_by_line() -> None:
    batch = parse_json_lines(b'{"a": "x"}\n{"a": 1}\n{"a": {"b": "y"}}\n')
    assert batch.table is None and _rows(batch) == [{"a": "x"}, {"a": 1}, {"a": {"b": "y"}}]


@pytest.mark.parametrize(
    "rows",
    [
        [{"a": [None, None]}],
        [{"a": [None, None]}, {"a": ["x"]}],
        [{"a": ["x", None, None, "y"]}, {"a": [None, None, None]}],
        [{"a": [{"b": [None] * 5}]}, {"a": None}],
        [{"a": None}, {"a": None}, {"a": "x"}],
    ],
)
def test_nulls_stay_where_they_are(rows: list[dict[str, Any]]) -> None:
    assert _rows(parse_json_lines(b"".join(json.dumps(row).encode() + b"\n" for row in rows))) == rows


def test_no_depth_ends_the_process() -> None:
    deep = [b'{"a": ' + b"[" * depth + b"]" * depth + b"}" for depth in (MOST_NESTED - 1, MOST_NESTED, 5000, 400_000)]
    batch = parse_json_lines(b"\n".join([*deep, b'{"a": "' + b"[" * 5000 + b'"}']))
    assert batch.problems.counts == {"too_deep": 3} and len(batch) == 2


def test_brackets_in_texts_are_no_depth() -> None:
    line = json.dumps({"code": "[{" * 2000}).encode()
    assert parse_json_lines(line + b"\n").table is not None


@pytest.mark.parametrize(
    ("line", "value", "reasons"),
    [
        (b'{"a": "\xff"}', {"a": "\ufffd"}, ["not_utf8"]),
        (b'{"a": "\\ud800"}', {"a": "\ufffd"}, ["lone_surrogate"]),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}, []),
        (b'{"a": "\\\\ud800"}', {"a": "\\ud800"}, []),
        (b"\xff", None, ["not_utf8", "not_json"]),
    ],
)
def test_one_line(line: bytes, value: Any, reasons: list[str]) -> None:
    assert parse_line(line) == (value, reasons)


def test_nothing() -> None:
    assert len(parse_json_lines(b"")) == 0 and parse_json_lines(b"\n\n").line_count == 2
