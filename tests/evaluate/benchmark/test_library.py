"""run_benchmark: the pinned signature and fields, results on disk, mistakes named."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support import ember_model, ember_tokenizer

from forgelm import BenchmarkResult, ConfigError, run_benchmark


@pytest.fixture(scope="module")
def model() -> Any:
    return ember_model()


def test_the_signature_is_the_pinned_one() -> None:
    pinned = [
        ("model", inspect.Parameter.empty),
        ("tokenizer", inspect.Parameter.empty),
        ("tasks", inspect.Parameter.empty),
        ("num_fewshot", None),
        ("batch_size", "auto"),
        ("limit", None),
        ("output_dir", None),
        ("min_score", None),
    ]
    found = list(inspect.signature(run_benchmark).parameters.values())
    assert [(one.name, one.default) for one in found[:8]] == pinned


def test_the_bundled_model_takes_the_bundled_tasks(model: Any, tmp_path: Path) -> None:
    result = run_benchmark(model, ember_tokenizer(), ["cafe_records"], limit=8, output_dir=str(tmp_path), min_score=0.1)
    assert isinstance(result, BenchmarkResult)
    assert result.passed and result.failure_reason is None
    assert result.scores == {"cafe_records": result.average_score}
    assert 0.25 < result.average_score <= 1.0
    assert result.raw_results["harness"]["cafe_records"]["acc_norm,none"] == result.average_score
    assert json.loads((tmp_path / "benchmark_results.json").read_text())["average_score"] == result.average_score
    assert len((tmp_path / "benchmark_samples.jsonl").read_text().splitlines()) == 8


def test_too_low_a_score_says_so(model: Any) -> None:
    result = run_benchmark(model, ember_tokenizer(), ["cafe_orders"], limit=4, min_score=0.5)
    assert not result.passed
    assert result.failure_reason == "the mean score 0.0000 is below min_score 0.5000"


def test_what_breaks_half_way_is_a_reason_and_no_pass() -> None:
    broken = ember_model()
    broken.model.embed_tokens.weight.data = torch.zeros(3, 3)
    result = run_benchmark(broken, ember_tokenizer(), ["cafe_talk"], limit=1)
    assert (result.passed, result.average_score, result.scores) == (False, 0.0, {})
    assert result.failure_reason is not None and "IndexError" in result.failure_reason


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tasks": []}, "no task is named"),
        ({"tasks": ["cafe_orders"], "min_score": 3.0}, "min_score"),
        ({"tasks": ["cafe_orders"], "limit": -1}, "limit"),
        ({"tasks": ["cafe_order"]}, "did you mean cafe_orders"),
        ({"tasks": "cafe_orders"}, "tasks"),
    ],
)
def test_wrong_arguments_are_named(model: Any, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        run_benchmark(model, ember_tokenizer(), **arguments)
    assert said in str(refused.value)
