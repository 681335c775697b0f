"""Types of columns: what values show, what Arrow declares, and merging in any order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest

from forgelm.audit.croissant.column_types import (
    ColumnType,
    merge_columns,
    observe,
    observe_rows,
    read_arrow_schema,
    read_cells,
)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None], "null"),
        ([True, None, False], "boolean"),
        ([1, 2], "integer"),
        ([1, 2.5], "number"),
        (["a", None], "text"),
        ([date(2026, 1, 1)], "date"),
        ([datetime(2026, 1, 1, tzinfo=UTC)], "datetime"),
        ([True, 1], "mixed"),
        (["a", 1], "mixed"),
        ([{"a": 1}, "a"], "mixed"),
        ([[1], 1], "mixed"),
        ([b"bytes"], "mixed"),
    ],
)
def test_the_kind_of_a_column_holds_for_all_its_values(values: list[Any], kind: str) -> None:
    for order in permutations(values):
        columns = observe_rows([{"column": value} for value in order])
        assert columns["column"].kind == kind


def test_objects_in_lists_keep_the_fields_of_all_of_them() -> None:
    rows = [
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "weight": 0.5}]},
        {"messages": []},
        {"messages": [{"role": "user", "content": "b", "weight": 1}]},
    ]
    found = observe_rows(rows)["messages"]
    assert (found.kind, found.lists) == ("object", 1)
    assert {name: column.kind for name, column in found.fields.items()} == {
        "role": "text",
        "content": "text",
        "weight": "number",
    }


def test_an_empty_list_says_how_deep_but_not_of_what() -> None:
    assert observe([]) == ColumnType("null", 1)
    assert observe([]).merge(observe(["a"])) == ColumnType("text", 1)
    assert observe([["a"], []]) == ColumnType("text", 2)


def test_columns_stand_in_the_order_in_which_they_appear() -> None:
    assert list(merge_columns([{"b": ColumnType("text")}, {"a": ColumnType("text"), "b": ColumnType()}])) == ["b", "a"]


def test_arrow_declares_what_values_would_show() -> None:
    arrow = pytest.importorskip("pyarrow")
    rows = [
        {
            "text": "a",
            "count": 1,
            "score": 0.5,
            "label": True,
            "day": date(2026, 1, 1),
            "tags": ["a"],
            "messages": [{"role": "user", "content": "a"}],
            "nothing": None,
        }
    ]
    assert read_arrow_schema(arrow.Table.from_pylist(rows).schema) == observe_rows(rows)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-20", "", "0"], "integer"),
        (["1", "2.5", ".5", "1e-9", "3."], "number"),
        (["true", "False", "TRUE"], "boolean"),
        (["0049", "1"], "text"),
        (["1"] * 100 + ["one"], "text"),
        (["1"] * 100 + ["0.5"], "number"),
        (["a", "1"], "text"),
        (["", ""], "null"),
        ([], "null"),
        (["1\n2"], "text"),
        (["9" * 30], "number"),
    ],
)
def test_cells_are_numbers_only_where_all_of_them_are(cells: list[str], kind: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.RecordBatch.from_pydict({"column": arrow.array(cells, arrow.string())})
    assert read_cells(table) == {"column": ColumnType(kind)}  # type: ignore[arg-type]
