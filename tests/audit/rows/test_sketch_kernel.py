"""The compiled sketch; ``test_engine`` holds it against the definition on texts."""

from __future__ import annotations

import numpy as np
import pytest
from duplicate_corpora import NEEDS_NUMBA, sketch

from forgelm.audit.rows.arrays import Words
from forgelm.audit.rows.compiling import compiled
from forgelm.audit.rows.sketch_kernel import TABLE_BITS, add_distinct, write_sketch


@compiled
def _sketch(first: Words, second: Words, table: Words, state: Words, to: Words) -> None:
    add_distinct(table, first, len(first), state)
    add_distinct(table, second, len(second), state)
    write_sketch(state, to)


@compiled
def _sketch_one_by_one(hashes: Words, table: Words, state: Words, to: Words) -> None:
    for index in range(len(hashes)):
        add_distinct(table, hashes[index : index + 1], 1, state)
    write_sketch(state, to)


@NEEDS_NUMBA
def test_a_row_in_more_parts_than_the_table_has_places_comes_to_an_end() -> None:
    hashes = [index * 7919 * 2**30 + 1 for index in range(3 << TABLE_BITS)]
    table, to = np.zeros(1 << TABLE_BITS, np.uint64), np.zeros(2, np.uint64)
    _sketch_one_by_one(np.array(hashes, np.uint64), table, np.zeros(3, np.uint64), to)
    assert to.tolist() == sketch(hashes)


@NEEDS_NUMBA
@pytest.mark.parametrize("count", [0, 1, 100, 1023, 1024, 1025, 5000])
def test_hashes_in_parts_make_the_sketch_of_all(count: int) -> None:
    # All begin in one place of the table, so each looks past all others; every one is there twice.
    hashes = [(index * 7919 * 2**20 + index) % 2**53 + 1 for index in range(count)] * 2
    middle, to = len(hashes) // 3, np.zeros(2, np.uint64)
    first, second = np.array(hashes[:middle], np.uint64), np.array(hashes[middle:], np.uint64)
    _sketch(first, second, np.zeros(1 << TABLE_BITS, np.uint64), np.zeros(3, np.uint64), to)
    assert to.tolist() == sketch(hashes)
