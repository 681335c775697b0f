"""Every text of a row is found, wherever it stands, by both ways of reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.scan.leaves import Leaves, is_excluded, read_leaves, walk_texts

ROWS = [
    {"id": "a", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None}], "n": 1},
    {"id": None, "messages": [], "n": 2, "deep": {"x": [["p", "q"], []], "y": {"z": "r"}}},
    {"id": "c", "messages": [{"role": "user", "content": ""}], "n": None},
]


def _flat(leaves: Leaves) -> list[tuple[str, int, str]]:
    return [
        (column.path, row, text)
        for column in leaves.texts
        for row, text in zip(column.rows.tolist(), column.texts.to_pylist(), strict=True)
    ]


def _both(rows: list[dict[str, Any]], **options: Any) -> tuple[Leaves, Leaves]:
    table = pa.RecordBatch.from_pylist(rows, schema=pa.Table.from_pylist(rows).schema) if rows else None
    names = list(dict.fromkeys(name for row in rows for name in row))
    whole = pa.Table.from_pydict({name: [row.get(name) for row in rows] for name in names}).to_batches() if rows else []
    arrow = whole[0] if whole else table
    return read_leaves(ReadBatch(arrow, (), len(rows)), **options), read_leaves(
        ReadBatch(None, rows, len(rows)), **options
    )


def test_both_ways_find_the_same() -> None:
    by_arrow, by_python = _both(ROWS)
    assert _flat(by_arrow) == _flat(by_python)
    assert ("messages[].content", 0, "hi") in _flat(by_arrow) and ("deep.x[][]", 1, "q") in _flat(by_arrow)
    assert by_arrow.columns == by_python.columns and by_arrow.names == by_python.names
    assert by_arrow.columns["n"].kinds == {"number": 2} and by_arrow.columns["id"].filled == 2


@given(st.lists(st.fixed_dictionaries({}, optional={
    "a": st.none() | st.text(max_size=3), "b": st.lists(st.text(max_size=2), max_size=3),
    "c": st.fixed_dictionaries({"d": st.none() | st.lists(st.lists(st.text(max_size=2), max_size=2), max_size=2)}),
}), min_size=1, max_size=5))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_both_ways_find_the_same_in_any_rows(rows: list[dict[str, Any]]) -> None:
    if not any(rows):
        return
    by_arrow, by_python = _both(rows)
    assert sorted(_flat(by_arrow)) == sorted(_flat(by_python))


def test_what_is_excluded_is_not_looked_at() -> None:
    for leaves in _both(ROWS, excluded=frozenset({"messages[].role", "deep"})):
        assert {path for path, *_ in _flat(leaves)} == {"id", "messages[].content"}
        assert leaves.columns["deep"].filled and leaves.columns["messages[].role"].filled


@pytest.mark.parametrize(
    ("path", "is_it"), [("a", True), ("a.b", True), ("a[].b", True), ("ab", False), ("b.a", False), ("", False)]
)
def test_a_name_excludes_what_stands_below(path: str, is_it: bool) -> None:
    assert is_excluded(path, frozenset({"a"})) is is_it


def test_other_kinds_of_arrow_texts() -> None:
    table = pa.RecordBatch.from_arrays(
        [
            pa.array(["x", None, "x"]).dictionary_encode(),
            pa.array([[("k", "v")], None, []], pa.map_(pa.string(), pa.string())),
            pa.array(["a", "b", None], pa.large_string()),
            pa.array([["p", "q"], ["r", None], ["s", "t"]], pa.list_(pa.string(), 2)),
            pa.array([b"\x00", b"", None]),
        ],
        names=["d", "m", "l", "f", "bytes"],
    )
    found = _flat(read_leaves(ReadBatch(table, (), 3)))
    assert ("d", 2, "x") in found and ("m[].value", 0, "v") in found and ("l", 1, "b") in found
    assert [text for path, _, text in found if path == "f[]"] == ["p", "q", "r", "s", "t"]
    assert not any(path == "bytes" for path, *_ in found)


def test_slices_of_tables() -> None:
    table = pa.RecordBatch.from_pylist(ROWS[:1] * 5).slice(3, 2)
    assert [row for path, row, _ in _flat(read_leaves(ReadBatch(table, (), 2))) if path == "id"] == [0, 1]


def test_walking_names_every_place() -> None:
    assert list(walk_texts({"a": [{"b": "x"}, {"b": ["y"]}], "n": 1, "z": None})) == [
        ("a[].b", "a[0].b", "x"),
        ("a[].b[]", "a[1].b[0]", "y"),
    ]


def test_rows_ascend() -> None:
    for leaves in _both(ROWS):
        assert all((np.diff(column.rows) >= 0).all() for column in leaves.texts)
