"""A subject never shows a model, its rows or its listener when it is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import sections

from forgelm.base.events import emit_nothing
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.evaluator import Subject, check_nothing


def test_a_subject_is_printed_without_what_is_large() -> None:
    config = ForgeConfig(**sections("d.jsonl", "out"))
    data: Any = "many rows"
    shown = repr(Subject("the weights", "tokenizer", config, data, emit_nothing, Path("out"), is_base=True))
    assert "is_base=True" in shown
    assert not any(word in shown for word in ("the weights", "many rows"))


def test_a_check_of_nothing_finds_nothing() -> None:
    assert check_nothing(ForgeConfig(**sections("d.jsonl", "out"))) is None
