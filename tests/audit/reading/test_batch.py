"""Rows of a block, and what is wrong with its lines."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from forgelm.audit.reading.batch import DESCRIPTIONS, PLACES_KEPT, SKIPPED, Problems, ReadBatch, Reason


def test_rows_of_tables_and_of_values_are_read_alike() -> None:
    rows = [{"a": "x", "b": [1]}, {"a": None, "b": []}]
    table = ReadBatch(pa.RecordBatch.from_pylist(rows), (), 2)
    values = ReadBatch(None, rows, 5, np.array([1, 4], np.int32))
    assert [table.read_row(row) for row in range(len(table))] == [values.read_row(row) for row in range(2)] == rows
    assert [table.line_of(1), values.line_of(0), values.line_of(1)] == [1, 1, 4]


def test_all_problems_are_counted_and_the_first_are_kept() -> None:
    problems = Problems.of((Reason.NOT_JSON, line) for line in range(50))
    assert problems.counts == {"not_json": 50}
    assert problems.places == {"not_json": tuple(range(PLACES_KEPT))}


def test_places_of_the_later_part_follow_those_of_the_earlier() -> None:
    first, second = Problems.of([(Reason.NUL, 3)]), Problems.of([(Reason.NUL, 0), (Reason.NOT_JSON, 1)])
    merged = first.merge(second, 10)
    assert merged.counts == {"nul": 2, "not_json": 1}
    assert merged.places == {"nul": (3, 10), "not_json": (11,)}


def test_every_reason_is_described() -> None:
    assert set(DESCRIPTIONS) == set(Reason) > SKIPPED
