"""GaLore's fields have the contract's defaults; what contradicts them is refused, what would do nothing is said."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.galore import GaloreConfig


def test_the_contract_s_defaults() -> None:
    assert GaloreConfig().model_dump() == {
        "galore_enabled": False,
        "galore_optim": "galore_adamw",
        "galore_rank": 128,
        "galore_update_proj_gap": 200,
        "galore_scale": 0.25,
        "galore_proj_type": "std",
        "galore_target_modules": None,
    }


@pytest.mark.parametrize(
    ("training", "path"),
    [
        ({"galore_optim": "galore_sgd"}, "training.galore_optim"),
        ({"galore_rank": 0}, "training.galore_rank"),
        ({"galore_target_modules": ["("]}, "training.galore_target_modules[0]"),
        ({"galore_target_modules": []}, "training.galore_target_modules"),
        ({"galore_enabled": True, "optim": "sgd"}, "training.optim"),
        (
            {"galore_enabled": True, "galore_optim": "galore_adamw_layerwise", "gradient_accumulation_steps": 2},
            "training.gradient_accumulation_steps",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(build: Any, training: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(training=training)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_a_layerwise_variant_shares_its_steps_with_nobody(build: Any) -> None:
    training = {"galore_enabled": True, "galore_optim": "galore_adamw_layerwise", "gradient_accumulation_steps": 1}
    assert build(training=training).training.galore_layerwise
    with pytest.raises(ConfigError, match="cannot share its steps"):
        build(training=training, distributed={"strategy": "fsdp"})


def test_what_does_nothing_is_said(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "forgelm.config"):
        build(training={"galore_rank": 4})
        build(training={"galore_enabled": True})
    assert "training.galore_rank is set, but has no effect without galore_enabled: true" in caplog.text
    assert "'lora: null' is its use" in caplog.text
