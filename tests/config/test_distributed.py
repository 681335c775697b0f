"""Fields that would be ignored, and modes that FSDP2 does not have, are refused; a preset and a file are taken."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError


def test_the_contract_s_defaults(build: Any) -> None:
    found = build(distributed={}).distributed
    assert found.model_dump() == {
        "strategy": None,
        "deepspeed_config": None,
        "fsdp_strategy": "full_shard",
        "fsdp_auto_wrap": True,
        "fsdp_offload": False,
        "fsdp_backward_prefetch": "backward_pre",
        "fsdp_state_dict_type": "FULL_STATE_DICT",
    }


@pytest.mark.parametrize(
    ("section", "path", "reason"),
    [
        ({"strategy": "ddp"}, "distributed.strategy", "deepspeed"),
        ({"fsdp_offload": True}, "distributed.fsdp_offload", "no effect without strategy: fsdp"),
        ({"strategy": "deepspeed", "fsdp_auto_wrap": True}, "distributed.fsdp_auto_wrap", "no effect"),
        ({"strategy": "fsdp", "deepspeed_config": "zero2"}, "distributed.deepspeed_config", "no effect"),
        ({"strategy": "fsdp", "fsdp_strategy": "no_shard"}, "distributed.fsdp_strategy", "shards nothing"),
        ({"strategy": "fsdp", "fsdp_strategy": "hybrid_shard"}, "distributed.fsdp_strategy", "not offered"),
        (
            {"strategy": "fsdp", "fsdp_backward_prefetch": "backward_post"},
            "distributed.fsdp_backward_prefetch",
            "no switch",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(build: Any, section: Any, path: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        build(distributed=section)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_fsdp_loads_full_weights_and_refuses_four_bits_that_were_asked_for(build: Any) -> None:
    assert build(distributed={}).model.load_in_4bit
    assert not build(distributed={"strategy": "fsdp"}).model.load_in_4bit
    with pytest.raises(ConfigError, match="cannot be sharded by FSDP"):
        build(distributed={"strategy": "fsdp"}, model={"load_in_4bit": True})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"lora": {"method": "pissa"}}, "lora.method"),
        ({"lora": None, "training": {"trainer_type": "dpo"}}, "training.trainer_type"),
    ],
)
def test_what_a_sharded_model_cannot_do_is_refused(build: Any, changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(distributed={"strategy": "fsdp"}, **changes)
    assert [problem.path for problem in caught.value.problems] == [path]
