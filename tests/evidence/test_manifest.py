"""The pure parts of the manifest: where a model came from, and what is said in a row."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.data.rows import Row
from forgelm.evidence.manifest import describe_revision, text_of
from forgelm.model.revision import Revision


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


def test_a_revision_in_the_contracts_words() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert describe_revision(Revision("o/n", "o/n", commit, commit, "pinned_resolved")) == {
        "repo_id": "o/n",
        "revision_requested": commit,
        "revision_resolved": commit,
        "resolution_source": "pinned_resolved",
        "revision_pinned": True,
    }
    local = describe_revision(Revision("mine", "mine", commit, None, "local_path"))
    assert (local["revision_pinned"], local["resolution_source"]) == (False, "local_path")
