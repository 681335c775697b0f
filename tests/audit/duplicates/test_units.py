"""Rows as units, and pairs of them in blocks of a useful size."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.duplicates.units import gather_blocks, group_rows


def test_units_know_their_rows_and_splits() -> None:
    keys = np.array([7, 5, 7, 9, 5, 5, 1], np.uint64)
    units = group_rows(keys, keys != 9, np.array([0, 2, 4, 7]))
    assert units.of_row.tolist() == [0, 1, 0, -1, 1, 1, 6]
    assert units.list_units().tolist() == [0, 1, 6]
    assert units.count_rows(np.array([1, 0, 1, 6])).tolist() == [[1, 0, 2], [1, 1, 0], [1, 0, 2], [0, 0, 1]]
    assert units.read_splits()[[0, 1, 6]].tolist() == [[0b011], [0b101], [0b100]]


@given(st.lists(st.tuples(st.integers(0, 12) | st.integers(0, 2**64 - 1), st.booleans()), max_size=60))
def test_every_row_belongs_to_the_first_with_its_key(rows: list[tuple[int, bool]]) -> None:
    keys = np.array([key for key, _ in rows], np.uint64)
    part = np.array([takes_part for _, takes_part in rows], bool)
    half = len(rows) // 2
    units = group_rows(keys, part, np.array([0, half, len(rows)]))
    expected = [rows.index(row) if row[1] else -1 for row in rows]
    assert units.of_row.tolist() == expected
    for unit, counts in zip(units.list_units().tolist(), units.count_rows(units.list_units()).tolist(), strict=True):
        assert counts == [expected[:half].count(unit), expected[half:].count(unit)]


def test_gathered_blocks_hold_the_same_pairs() -> None:
    small = [np.array([[n, n + 1]] * (n % 50)).reshape(-1, 2) for n in range(1000)]
    gathered = list(gather_blocks(small))
    assert np.array_equal(np.concatenate(gathered), np.concatenate(small))
    assert len(gathered) == 12
    assert list(gather_blocks([])) == []
