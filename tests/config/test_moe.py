"""Experts are all or a list of numbers; what cannot be chosen is refused where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.moe import MoeConfig


@pytest.mark.parametrize(
    ("written", "chosen"), [("all", None), ("0", (0,)), (2, (2,)), (" 3, 1,3", (1, 3)), ("0,1", (0, 1))]
)
def test_experts_are_read(written: Any, chosen: Any) -> None:
    assert MoeConfig(experts_to_train=written).chosen == chosen


@pytest.mark.parametrize("written", ["", "one", "0,", "-1", "0;1", "1.5", True, None])
def test_what_is_no_list_of_experts_is_refused(build: Any, written: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build(model={"moe": {"experts_to_train": written}})
    assert [problem.path for problem in caught.value.problems] == ["model.moe.experts_to_train"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"lora": None, "model": {"moe": {"quantize_experts": True}}}, "model.moe.quantize_experts"),
        ({"lora": None, "model": {"moe": {"experts_to_train": "0"}}}, "model.moe.experts_to_train"),
        ({"lora": {"method": "pissa"}, "model": {"moe": {"experts_to_train": "0"}}}, "model.moe.experts_to_train"),
        (
            {"distributed": {"strategy": "fsdp"}, "model": {"moe": {"experts_to_train": "0"}}},
            "model.moe.experts_to_train",
        ),
    ],
)
def test_what_experts_cannot_be_combined_with(build: Any, changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**changes)
    assert [problem.path for problem in caught.value.problems] == [path]
