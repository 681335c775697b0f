"""Findings say what is wrong, what stood there, what is allowed and what was meant, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError, Problem
from forgelm.config import ForgeConfig
from forgelm.config.explain import dotted, summarise


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model": {"max_length": 0}}, "model.max_length: must be above 0, got 0"),
        ({"training": {"weight_decay": -1}}, "training.weight_decay: must be at least 0, got -1"),
        ({"data": {"validation_split_ratio": 1}}, "data.validation_split_ratio: must be below 1, got 1"),
        ({"training": {"seed": 2**32}}, "training.seed: must be below 4294967296, got 4294967296"),
        ({"lora": {"dropout": 2}}, "lora.dropout: must be at most 1, got 2"),
        ({"lora": {"r": 1.5}}, "lora.r: a whole number is needed, got 1.5"),
        ({"lora": {"r": True}}, "lora.r: a number is needed, got true"),
        ({"lora": {"r": None}}, "lora.r: a whole number is needed, got nothing (leave the key out to use its default)"),
        ({"lora": []}, "lora: a mapping of keys to values is needed, got a list"),
        ({"data": {"extra_datasets": "x"}}, "data.extra_datasets: a list is needed, got 'x'"),
        ({"data": {"mix_ratio": [-1]}}, "data.mix_ratio[0]: must be at least 0, got -1"),
        ({"lora": {"bias": "lora"}}, "(did you mean 'lora_only'? allowed: none, all, lora_only)"),
        ({"lora": {"bias": "?"}}, "lora.bias: not an allowed value, got '?' (allowed: none, all, lora_only)"),
        ({"training": {"run_name": False}}, "text is needed, got false (YAML reads yes, no, on and off as"),
        (
            {"compliance": {"system_version": 1.0}},
            "text is needed, got 1.0 (YAML reads this as a number: put it in quo",
        ),
        ({"training": {"packing": "perhaps"}}, "training.packing: true or false is needed, got 'perhaps'"),
        ({"training": {"seed": float("nan")}}, "training.seed: a finite number is needed, got nan"),
        ({"training.seed": 1}, "training.seed: unknown key (write 'seed' under 'training:')"),
        ({"training": None}, "training: a mapping of keys to values is needed, got nothing (write 'training: {}'"),
        ({"model": {"name_or_path": "x" * 90 + "\n"}}, "got '" + "x" * 60 + "…'"),
    ],
)
def test_message(build: Any, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**changes)
    assert text in str(caught.value)
    assert len(caught.value.problems) == 1


def test_missing_key_is_named(sections: Any) -> None:
    with pytest.raises(ConfigError, match=r"^model\.name_or_path: this key is missing$"):
        ForgeConfig(**{**sections(), "model": {}})


def test_one_problem_is_one_line_and_several_are_a_list() -> None:
    one, two = Problem("bad", path="a.b", file="x.yaml", line=1, column=2), Problem("worse", path="c")
    assert str(summarise([one])) == "x.yaml:1:2: a.b: bad"
    assert str(summarise([one, two], "x.yaml")) == "x.yaml has 2 problems:\n  x.yaml:1:2: a.b: bad\n  c: worse"
    assert summarise([one, two]).problems == (one, two)


def test_path_counts_list_items_in_brackets() -> None:
    assert dotted(("data", "mix_ratio", 1)) == "data.mix_ratio[1]"
    assert dotted(()) == ""
