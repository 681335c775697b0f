"""Benchmark files to texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.audit.scan.benchmarks import read_benchmarks
from forgelm.base.errors import DataError


def test_texts_by_name(tmp_path: Path) -> None:
    (tmp_path / "exam.v1.jsonl").write_text('{"question": "why", "answer": "so"}\n{"question": "who"}\n')
    (tmp_path / "quiz.txt").write_text("one\n\ntwo\n")
    found = read_benchmarks([str(tmp_path / "exam.v1.jsonl"), str(tmp_path / "quiz.txt")])
    assert found == {"exam": ["why\nso", "who"], "quiz": ["one", "two"]}


def test_two_of_one_name(tmp_path: Path) -> None:
    for name in ("a/exam.txt", "b/exam.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x\n")
    with pytest.raises(DataError, match="two benchmarks are called exam"):
        read_benchmarks([str(tmp_path / "a" / "exam.txt"), str(tmp_path / "b" / "exam.txt")])
