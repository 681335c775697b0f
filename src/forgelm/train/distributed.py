"""The section ``distributed`` to arguments of TRL's trainers, and a sharded model back to weights in one piece."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.base.extras import is_installed, load_extra
from forgelm.config.distributed import PRESETS, DistributedConfig
from forgelm.train.processes import Processes

_WHOLE = "FULL_STATE_DICT"


def check_strategy(distributed: DistributedConfig | None, *, count: int) -> None:
    """Refuse a strategy that cannot be carried out here, before anything is loaded.

    Raises:
        ConfigError: the strategy shards over several processes, and this one is alone.
        OptionalDependencyError: DeepSpeed is not installed.
    """
    if distributed is None or distributed.strategy is None:
        return
    if distributed.strategy == "deepspeed":
        read_deepspeed(distributed.deepspeed_config)
        if not is_installed("deepspeed"):
            raise OptionalDependencyError(
                "distributed.strategy is deepspeed, whose package is not installed",
                hint="pip install 'forgelm[deepspeed]', or set distributed.strategy: fsdp",
            )
    if count == 1:
        raise ConfigError(
            f"distributed.strategy {distributed.strategy} shares a model among several processes, and there is one",
            hint="start them with 'forgelm launch --nproc N --config FILE', or leave the strategy out",
        )


def sharding_arguments(distributed: DistributedConfig | None) -> dict[str, Any]:
    """Return what TRL's configuration gets besides the shared arguments."""
    if distributed is None or distributed.strategy is None:
        return {}
    if distributed.strategy == "deepspeed":
        return {"deepspeed": read_deepspeed(distributed.deepspeed_config)}
    return {
        "fsdp": True,
        "fsdp_config": {
            "version": 2,
            "reshard_after_forward": distributed.fsdp_strategy == "full_shard",
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP" if distributed.fsdp_auto_wrap else "NO_WRAP",
            "cpu_offload": distributed.fsdp_offload,
            "state_dict_type": distributed.fsdp_state_dict_type,
        },
    }


def read_deepspeed(named: str | None) -> dict[str, Any]:
    """Return DeepSpeed's configuration: one of the presets shipped here, or the user's own file.

    Raises:
        ConfigError: there is neither such a preset nor such a file, or it is not a JSON object.
    """
    name = named or PRESETS[0]
    place: Any = files("forgelm.train") / "deepspeed" / f"{name}.json" if name in PRESETS else Path(name)
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"distributed.deepspeed_config {name} cannot be read: {reason}",
            hint=f"name a JSON file, or one of: {', '.join(PRESETS)}",
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f"distributed.deepspeed_config {name} holds no JSON object")
    return found


def shard_on_cpu(trainer: Any) -> None:
    """Let accelerate shard on the CPU too, which it offers for accelerators alone though FSDP2 itself can."""
    plugin_arguments = trainer.args.fsdp_plugin_args
    if plugin_arguments is None or trainer.is_fsdp_enabled:
        return
    accelerate = load_extra("accelerate", extra="train")
    state = trainer.accelerator.state
    plugin = accelerate.FullyShardedDataParallelPlugin(**plugin_arguments)
    if state.mixed_precision != "no":
        plugin.set_mixed_precision(state.mixed_precision)
    state.distributed_type = accelerate.DistributedType.FSDP
    state.fsdp_plugin = plugin
    load_extra("accelerate.state", extra="train").PartialState._shared_state["distributed_type"] = (
        state.distributed_type
    )
    trainer.is_fsdp_enabled = True


def gather_weights(trainer: Any, processes: Processes) -> dict[str, Any] | None:
    """Return every weight of a sharded model in one piece in the first process; ``None`` where nothing is sharded.

    Every process calls it.
    """
    if processes.place.alone or not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type(_WHOLE)
    weights: dict[str, Any] = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return weights
