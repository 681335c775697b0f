"""Benchmarks in a run: mistakes before training, both models asked, the gates and the documents told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Heard
from tasks import write_task

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.benchmark.evaluator import BENCHMARK, results_folder
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]
TRAINING = {"num_train_epochs": 1}


def benchmark(**more: Any) -> dict[str, Any]:
    return {"auto_revert": True, "benchmark": {"enabled": True, "tasks": ["cafe_records"], "limit": 8, **more}}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"tasks": ["cafe_record"]}, "did you mean cafe_records"),
        ({"tasks": ["cafe_talk"], "min_scores": {"cafe_talk": 5}}, "less is better"),
        ({"max_scores": {"cafe_records": 0.5}}, "more is better"),
        ({"metrics": {"cafe_records": "rouge"}}, "has no metric 'rouge'"),
        ({"include_path": ["nowhere"]}, "no folder nowhere"),
    ],
)
def test_a_mistake_is_found_before_anything_is_trained(make_config: Make, section: Any, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        run_single(make_config(evaluation=benchmark(**section)))
    assert said in str(refused.value)


def test_a_limit_out_of_reach_of_so_few_questions_is_warned_of(
    make_config: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="forgelm"):
        BENCHMARK.check(make_config(evaluation=benchmark(min_score=0.9)))
    assert "can never be passed for certain" in caplog.text
    caplog.clear()
    BENCHMARK.check(make_config(evaluation=benchmark(min_score=0.9, gate_on="point")))
    assert caplog.text == ""


def test_a_model_that_reaches_its_benchmarks_is_promoted(make_config: Make, tmp_path: Path) -> None:
    heard = Heard()
    result = run_single(make_config(training=TRAINING, evaluation=benchmark(min_score=0.2, max_drop=0.9)), listen=heard)
    assert result.success and result.benchmark_passed
    assert result.benchmark_average == result.metrics["benchmark/average"]
    assert result.benchmark_scores == {"cafe_records": result.benchmark_average}
    event = heard.fields(Event.BENCHMARK_COMPLETED)
    assert event == {"passed": True, "average": result.benchmark_average, "scores": result.benchmark_scores}
    written = json.loads((tmp_path / "run" / "benchmark" / "benchmark_results.json").read_text())
    assert written["average_score"] == result.benchmark_average and written["passed"] is True
    rows = [json.loads(line) for line in (tmp_path / "run" / "benchmark" / "benchmark_samples.jsonl").open()]
    assert len(rows) == 8 and all(row["base_score"] in (0.0, 1.0) for row in rows)


def test_a_model_below_its_benchmark_is_refused_with_the_sentence(make_config: Make, tmp_path: Path) -> None:
    wanted = benchmark(tasks=["cafe_orders"], min_score=0.99)
    result = run_single(make_config(training={**TRAINING, "learning_rate": 1e-6}, evaluation=wanted))
    assert result.reverted and not result.success and result.benchmark_passed is False
    assert result.error is not None
    assert "benchmark.average 0.0000 is below evaluation.benchmark.min_score 0.9900" in result.error
    assert not (tmp_path / "run" / "final_model").exists()


def test_the_base_model_is_left_out_where_it_is_not_wanted(make_config: Make) -> None:
    result = run_single(make_config(training=TRAINING, evaluation=benchmark(compare_with_base=False)))
    assert result.success and "baseline_benchmark/average" not in result.metrics


def test_data_that_vanishes_during_training_is_no_verdict_on_the_model(make_config: Make, tmp_path: Path) -> None:
    write_task(tmp_path / "mine", "numbers")
    wanted = benchmark(tasks=["numbers"], include_path=[str(tmp_path / "mine")], min_score=0.0)

    def lose(event: Event, /, **fields: Any) -> None:
        if event is Event.TRAINING_STARTED:
            (tmp_path / "mine/numbers.jsonl").unlink()

    result = run_single(make_config(training=TRAINING, evaluation=wanted), listen=lose)
    assert result.reverted and result.benchmark_passed is False and result.benchmark_average is None
    gate = next(gate for gate in result.gates if gate["gate"] == "benchmark")
    assert gate["status"] == "not_measured" and "the data of numbers cannot be had" in gate["reason"]
    written = json.loads((tmp_path / "run/benchmark/benchmark_results.json").read_text())
    assert written["passed"] is False and written["average_score"] is None


def test_results_go_to_another_folder_inside_the_run_and_nowhere_else(make_config: Make, tmp_path: Path) -> None:
    inside = make_config(evaluation=benchmark(output_dir=str(tmp_path / "run/exams/first")))
    assert results_folder(inside) == "exams/first"
    assert results_folder(make_config(evaluation=benchmark())) == "benchmark"
    for outside in (tmp_path / "elsewhere", tmp_path / "run", tmp_path / "run/../other"):
        with pytest.raises(ConfigError, match="is not a folder inside"):
            BENCHMARK.check(make_config(evaluation=benchmark(output_dir=str(outside))))
