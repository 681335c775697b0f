"""The one text a row is judged by."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.scan.leaves import read_leaves
from forgelm.audit.scan.row_text import join_row_texts


def _join(*rows: dict[str, Any]) -> list[str]:
    texts: list[str] = join_row_texts(read_leaves(ReadBatch(None, rows, len(rows)))).to_pylist()
    return texts


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"text": "a", "id": "7"}, "a"),
        ({"output": "b", "instruction": "a", "input": ""}, "a\nb"),
        ({"completion": "b", "prompt": "a", "label": True}, "a\nb"),
        ({"rejected": "c", "chosen": "b", "prompt": "a"}, "a\nb\nc"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "id": "x"}, "a\nb"),
        ({"conversations": [{"from": "human", "value": "a"}]}, "a"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, "a"),
        ({"anything": "a", "else": {"at": "b"}}, "a\nb"),
        ({"text": None, "id": "x"}, "x"),
        ({"n": 1}, ""),
    ],
)
def test_what_is_said(row: dict[str, Any], text: str) -> None:
    assert _join(row) == [text]


def test_rows_without_a_text_keep_their_place() -> None:
    assert _join({"prompt": "a"}, {"prompt": None}, {"completion": "b"}, {}) == ["a", "", "b", ""]
