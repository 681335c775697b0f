"""The section evaluation.benchmark: what cannot be run is refused with the field it stands in."""

from __future__ import annotations

from typing import Any

import pytest
from support import sections

from forgelm.base.errors import ConfigError
from forgelm.config.benchmark import BenchmarkConfig
from forgelm.config.root import ForgeConfig


def build(**benchmark: Any) -> ForgeConfig:
    return ForgeConfig(**sections("d.jsonl", "out", evaluation={"benchmark": benchmark}))


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [
        ({"enabled": True}, "no task is named"),
        ({"enabled": True, "tasks": ["a", "a"]}, "named twice"),
        ({"enabled": True, "tasks": ["a b"]}, "tasks"),
        ({"enabled": True, "tasks": ["a"], "min_scores": {"b": 0.5}}, "'b' is not among the tasks"),
        ({"enabled": True, "tasks": ["a"], "max_scores": {"b": 0.5}}, "'b' is not among the tasks"),
        ({"enabled": True, "tasks": ["a"], "max_drop": 0.1, "compare_with_base": False}, "compare_with_base"),
        ({"enabled": True, "tasks": ["a"], "min_score": 50}, "min_score"),
        ({"enabled": True, "tasks": ["a"], "batch_size": "many"}, "batch_size"),
        ({"enabled": True, "tasks": ["a"], "batch_size": 0}, "batch_size"),
        ({"enabled": True, "tasks": ["a"], "limit": 0}, "limit"),
        ({"enabled": True, "task": ["a"]}, "tasks"),
    ],
)
def test_what_cannot_be_run_is_refused(benchmark: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        build(**benchmark)
    assert said in str(refused.value)


def test_a_number_is_a_batch_size_and_a_switched_off_section_asks_for_nothing() -> None:
    assert BenchmarkConfig(tasks=["a"], batch_size=8).batch_size == "8"  # type: ignore[arg-type]
    found = build(enabled=False).evaluation
    assert found is not None and found.benchmark is not None and found.benchmark.tasks == []
