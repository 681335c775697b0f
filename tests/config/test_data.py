"""Rules inside the section ``data``."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError


def test_one_weight_per_dataset(build: Any) -> None:
    assert build(data={"extra_datasets": ["b"], "mix_ratio": [0.7, 0.3]}).data.mix_ratio == [0.7, 0.3]
    with pytest.raises(ConfigError, match=r"data\.mix_ratio: has 1 weights for 2 datasets"):
        build(data={"extra_datasets": ["b"], "mix_ratio": [1]})


def test_some_weight_is_above_zero(build: Any) -> None:
    assert build(data={"extra_datasets": ["b"], "mix_ratio": [1, 0]}).data.mix_ratio == [1, 0]
    with pytest.raises(ConfigError, match="must not all be 0"):
        build(data={"extra_datasets": ["b"], "mix_ratio": [0, 0]})


def test_unknown_column_part_lists_the_allowed_ones(build: Any) -> None:
    with pytest.raises(ConfigError, match=r"data\.columns\.promt: .*did you mean 'prompt'.*messages, prompt"):
        build(data={"columns": {"promt": "question"}})
