"""Batches of texts: into one buffer and back."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import TextBatch

TEXTS = ["", "one", "zwei ü", "", "三\0", "\ud800x"]


@given(st.lists(st.text(st.characters(), max_size=20), max_size=10))
def test_texts_come_back(texts: list[str]) -> None:
    batch = TextBatch.from_texts(texts)
    assert list(batch) == texts
    assert len(batch) == len(texts)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_arrow_arrays_are_read_with_slices_and_nulls(kind: pa.DataType) -> None:
    array = pa.array(["skipped", "eins", None, "zwei ü", "", "left"], kind)
    batch = TextBatch.from_arrow(array[1:5])
    assert list(batch) == ["eins", "", "zwei ü", ""]
    assert batch.offsets[0] == 0 and batch.offsets[-1] == len(batch.buffer)


@pytest.mark.parametrize("array", [pa.array([], pa.string()), pa.array(["", ""]), pa.array([None], pa.string())])
def test_arrow_arrays_without_text(array: pa.Array) -> None:
    assert list(TextBatch.from_arrow(array)) == [""] * len(array)


def test_rows_can_be_read_as_bytes() -> None:
    batch = TextBatch.from_texts(TEXTS)
    assert batch.raw(2) == "zwei ü".encode()
    assert batch.raw(5) == b"\xed\xa0\x80x"
