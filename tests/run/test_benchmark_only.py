"""Benchmarks of a finished model: the numbers of its run, its folder, and what cannot be asked of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import sections

from forgelm.base.errors import ConfigError, ModelError
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.run.benchmark_only import run_benchmarks_only
from forgelm.run.single import run_single


def config(folder: Path, on_inconclusive: str = "hold", **benchmark: Any) -> ForgeConfig:
    section = {"tasks": ["cafe_records"], "limit": 8, **benchmark}
    return ForgeConfig(
        **sections(
            folder / "orders.jsonl",
            folder / "run",
            training={"max_steps": 10},
            evaluation={"on_inconclusive": on_inconclusive, "benchmark": section},
        )
    )


def test_the_model_of_a_run_has_the_same_score_alone(orders: Path, tmp_path: Path) -> None:
    made = config(tmp_path, enabled=True, min_score=0.2)
    result = run_single(made)
    alone = run_benchmarks_only(made, str(result.final_model_path))
    assert alone.average == result.benchmark_average and alone.scores == result.benchmark_scores
    assert alone.passed and alone.failure_reason is None
    assert {Path(path).parent for path in alone.files} == {tmp_path / "run/benchmark"}
    for path, digest in alone.files.items():
        assert sha256_file(Path(path)) == digest


def test_a_model_below_its_limit_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_benchmarks_only(config(tmp_path, tasks=["cafe_orders"], min_score=0.5), "builtin/ember")
    assert not found.passed
    assert found.failure_reason == (
        "benchmark: benchmark.average 0.0000 is below evaluation.benchmark.min_score 0.5000"
    )
    written = json.loads((tmp_path / "benchmark/benchmark_results.json").read_text())
    assert written["passed"] is False


@pytest.mark.parametrize(("word", "passed"), [("hold", False), ("fail", False), ("pass", True)])
def test_what_so_few_questions_cannot_show_passes_only_if_told_to(tmp_path: Path, word: str, passed: bool) -> None:
    made = config(tmp_path, word, min_score=0.6, output_dir=str(tmp_path / "results"))
    found = run_benchmarks_only(made, "builtin/ember")
    assert found.average is not None and found.average >= 0.6
    assert found.passed is passed
    assert (tmp_path / "results/benchmark_results.json").is_file()


def test_mistakes_are_named_before_a_question_is_put(tmp_path: Path) -> None:
    nothing = ForgeConfig(**sections("d.jsonl", tmp_path))
    with pytest.raises(ConfigError, match="names no benchmark"):
        run_benchmarks_only(nothing, "builtin/ember")
    with pytest.raises(ConfigError, match="max_drop compares with the base model"):
        run_benchmarks_only(config(tmp_path, max_drop=0.1), "builtin/ember")
    with pytest.raises(ModelError, match="there is no model"):
        run_benchmarks_only(config(tmp_path), str(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written to"):
        run_benchmarks_only(config(tmp_path, output_dir=str(tmp_path / "file" / "sub")), "builtin/ember")
