"""The section becomes the trainer's arguments, field by field; what cannot be had here is refused early."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.config.distributed import PRESETS, DistributedConfig
from forgelm.train.distributed import check_strategy, read_deepspeed, sharding_arguments


def fsdp(**fields: Any) -> dict[str, Any]:
    return sharding_arguments(DistributedConfig(strategy="fsdp", **fields))["fsdp_config"]


def test_each_fsdp_field_becomes_its_argument() -> None:
    assert sharding_arguments(None) == sharding_arguments(DistributedConfig()) == {}
    assert fsdp() == {
        "version": 2,
        "reshard_after_forward": True,
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "cpu_offload": False,
        "state_dict_type": "FULL_STATE_DICT",
    }
    assert fsdp(fsdp_strategy="shard_grad_op")["reshard_after_forward"] is False
    assert fsdp(fsdp_auto_wrap=False)["auto_wrap_policy"] == "NO_WRAP"
    assert fsdp(fsdp_offload=True)["cpu_offload"] is True
    assert fsdp(fsdp_state_dict_type="SHARDED_STATE_DICT")["state_dict_type"] == "SHARDED_STATE_DICT"


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_are_shipped(name: str) -> None:
    found = read_deepspeed(name)
    stage = found["zero_optimization"]
    assert stage["stage"] == int(name[4])
    assert ("offload_optimizer" in stage) == name.endswith("offload")
    assert stage["stage"] == 2 or stage["stage3_gather_16bit_weights_on_model_save"]
    asked = DistributedConfig(strategy="deepspeed", deepspeed_config=name)
    assert sharding_arguments(asked) == {"deepspeed": found}


def test_without_a_name_it_is_zero2_and_a_file_of_one_s_own_is_taken(tmp_path: Path) -> None:
    assert read_deepspeed(None) == read_deepspeed("zero2")
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"zero_optimization": {"stage": 1}}), encoding="utf-8")
    assert read_deepspeed(str(own))["zero_optimization"] == {"stage": 1}
    for text, reason in (("{", "cannot be read"), ("[]", "no JSON object")):
        own.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=reason):
            read_deepspeed(str(own))
    with pytest.raises(ConfigError, match="zero2, zero3, zero3_offload"):
        read_deepspeed("zero4")


def test_a_strategy_needs_several_processes() -> None:
    check_strategy(None, count=1)
    check_strategy(DistributedConfig(), count=1)
    check_strategy(DistributedConfig(strategy="fsdp"), count=2)
    with pytest.raises(ConfigError, match="there is one") as caught:
        check_strategy(DistributedConfig(strategy="fsdp"), count=1)
    assert "forgelm launch --nproc" in (caught.value.hint or "")


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="DeepSpeed is installed")
def test_deepspeed_is_refused_by_name_where_it_is_missing() -> None:
    with pytest.raises(OptionalDependencyError, match="deepspeed") as caught:
        check_strategy(DistributedConfig(strategy="deepspeed"), count=2)
    assert caught.value.hint == "pip install 'forgelm[deepspeed]', or set distributed.strategy: fsdp"
