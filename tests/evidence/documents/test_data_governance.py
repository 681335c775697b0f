"""What the lengths of a split are counted over."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.data.rows import Row
from forgelm.evidence.documents.data_governance import text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"text": "one"}, "one"),
        ({"prompt": "ask", "completion": "answer"}, "ask\nanswer"),
        ({"messages": [{"role": "user", "content": "ask"}, {"role": "assistant", "content": "answer"}]}, "ask\nanswer"),
        ({"prompt": [{"role": "user", "content": "ask"}], "completion": [{"content": None}]}, "ask\n"),
        ({"other": "not said"}, ""),
    ],
)
def test_what_is_said_in_a_row(value: dict[str, Any], text: str) -> None:
    assert text_of(Row(value, "rows.jsonl", 1)) == text
