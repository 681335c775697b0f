from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.data.load import load_rows
from forgelm.data.rows import Row


def test_what_exists_here_is_never_looked_for_on_the_hub(
    write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("org/name/train.jsonl", [{"text": "a"}])
    write("org/name/dev.jsonl", [{"text": "b"}])
    monkeypatch.chdir(tmp_path)
    raw = load_rows("org/name")
    assert raw.kind == "local_directory"
    assert raw.splits["validation"] == [Row({"text": "b"}, "org/name", 1, "dev.jsonl")]
    assert list(load_rows("org/name", train_only=True).splits) == ["train"]


def test_offline_a_name_that_is_nowhere_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match="forgelm-tests/not-there: neither a local file or folder nor in the local cache"
    ):
        load_rows("forgelm-tests/not-there", offline=True)
