"""What Unsloth would do otherwise than the configuration says is refused with the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError

ROPE = {"rope_type": "linear", "factor": 2.0}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lora", None),
        ("lora.method", "pissa"),
        ("distributed.strategy", "deepspeed"),
        ("model.multimodal", {"enabled": True}),
        ("model.moe", {}),
        ("model.attn_implementation", "sdpa"),
        ("model.bnb_4bit_quant_type", "fp4"),
        ("model.bnb_4bit_use_double_quant", False),
        ("model.bnb_4bit_compute_dtype", "float16"),
        ("training.use_liger_kernel", True),
        ("training.rope_scaling", ROPE),
        ("training.sliding_window_attention", 64),
    ],
)
def test_what_it_cannot_be_combined_with(build: Any, path: str, value: Any) -> None:
    section, _, key = path.partition(".")
    changes: dict[str, Any] = {"model": {"backend": "unsloth"}}
    changes[section] = {**changes.get(section, {}), key: value} if key else value
    with pytest.raises(ConfigError) as caught:
        build(**changes)
    assert [problem.path for problem in caught.value.problems] == [path]
    assert "unsloth" in caught.value.problems[0].message
    if section == "model":
        changes["model"]["backend"] = "transformers"
    else:
        del changes["model"]
    build(**changes)


def test_code_of_the_repository_beside_it_is_warned_of(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    build(model={"backend": "unsloth", "trust_remote_code": True})
    assert "model.trust_remote_code with backend unsloth" in caplog.text
