"""The section ``distributed``: how several processes share the training of one model."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from forgelm.config.section import Place, Section, refuse

PRESETS = ("zero2", "zero3", "zero3_offload")
_FSDP_ONLY = (
    "fsdp_strategy",
    "fsdp_auto_wrap",
    "fsdp_offload",
    "fsdp_backward_prefetch",
    "fsdp_state_dict_type",
)


class DistributedConfig(Section):
    """How the processes that ``forgelm launch`` starts share the work; alone, a process trains as without it."""

    strategy: Literal["deepspeed", "fsdp"] | None = Field(
        None, description="Engine that shards the model; null copies it to every process (DDP)."
    )
    deepspeed_config: Place | None = Field(
        None, description="Preset zero2, zero3 or zero3_offload, or a DeepSpeed JSON file; null means zero2."
    )
    fsdp_strategy: Literal["full_shard", "shard_grad_op", "no_shard", "hybrid_shard"] = Field(
        "full_shard",
        description="full_shard also shards the weights between passes, shard_grad_op keeps them whole after forward.",
    )
    fsdp_auto_wrap: bool = Field(True, description="Shard each transformer layer by itself; false shards all at once.")
    fsdp_offload: bool = Field(False, description="Keep weights, gradients and optimizer in the CPU's memory.")
    fsdp_backward_prefetch: Literal["backward_pre", "backward_post"] = Field(
        "backward_pre", description="When the next layer is gathered in the backward pass; FSDP2 always does it before."
    )
    fsdp_state_dict_type: Literal["FULL_STATE_DICT", "SHARDED_STATE_DICT"] = Field(
        "FULL_STATE_DICT", description="Checkpoints in one piece, or a piece for each process."
    )

    @model_validator(mode="after")
    def _check_fsdp(self) -> Self:
        if self.strategy != "fsdp":
            for name in _FSDP_ONLY:
                if name in self.model_fields_set:
                    raise refuse(name, "has no effect without strategy: fsdp", f"remove it, or set {'strategy: fsdp'}")
        if self.strategy != "deepspeed" and self.deepspeed_config is not None:
            raise refuse("deepspeed_config", "has no effect without strategy: deepspeed", "remove it")
        if self.fsdp_strategy == "no_shard":
            raise refuse(
                "fsdp_strategy",
                "no_shard shards nothing, and FSDP2 has no such mode",
                "leave out distributed.strategy: copies of the whole model are what happens then",
            )
        if self.fsdp_strategy == "hybrid_shard":
            raise refuse(
                "fsdp_strategy",
                "hybrid_shard (sharding within a machine, copies between machines) is not offered",
                "use full_shard",
            )
        if self.fsdp_backward_prefetch == "backward_post":
            raise refuse(
                "fsdp_backward_prefetch",
                "FSDP2 gathers the next layer before the gradients of this one, and has no switch for it",
                "use backward_pre",
            )
        return self
