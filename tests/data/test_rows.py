from __future__ import annotations

import dataclasses

import pytest

from forgelm.data.rows import Row, RowFormat, show_place


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (Row({}, "data/train.jsonl", 57), "data/train.jsonl:57"),
        (Row({}, "data/", 3, "dev.csv"), "data/dev.csv:3"),
        (Row({}, "data.parquet", 3), "data.parquet, row 3"),
        (Row({}, "org/name", 3, "train"), "org/name/train, row 3"),
    ],
)
def test_a_row_says_where_it_stands(row: Row, place: str) -> None:
    assert row.where == place == show_place(row.source, row.part, row.number)


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Row({}, "a", 1).number = 2  # type: ignore[misc]


def test_format_names_are_those_of_the_configuration() -> None:
    assert [str(item) for item in RowFormat] == [
        "messages",
        "prompt_completion",
        "text",
        "preference",
        "unpaired_preference",
        "prompt_only",
    ]
