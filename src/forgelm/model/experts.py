"""Mixtures of experts: which experts an adapter may change, and their frozen weights in fewer bits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.config.moe import MoeConfig

# The names under which transformers' configurations count their experts.
COUNTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
_NUMBERED = re.compile(r"\bexperts?[._](?:expert_)?(\d+)\b")
_ADAPTER = re.compile(r"\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)\b")


def count_experts(architecture: Any) -> int:
    """Return the number of routed experts a layer has.

    Raises:
        ModelError: the model is no mixture of experts.
    """
    text = architecture.get_text_config()
    for name in COUNTS:
        if isinstance(count := getattr(text, name, None), int) and count > 1:
            return count
    raise ModelError(
        f"model.moe is set, and {getattr(text, 'model_type', 'this model')} is no mixture of experts",
        hint="remove model.moe",
    )


def check_experts(moe: MoeConfig, architecture: Any) -> None:
    """Refuse experts that the model does not have.

    Raises:
        ModelError: the model is no mixture of experts, or has fewer.
    """
    count = count_experts(architecture)
    if missing := [index for index in moe.chosen or () if index >= count]:
        raise ModelError(
            f"model.moe.experts_to_train names expert {missing[0]}, and this model has {count}, counted from 0"
        )


def limit_to_experts(model: Any, moe: MoeConfig) -> int:
    """Keep the adapters of all but the chosen experts as they are, and return the number of weights that still learn.

    Experts that are modules of their own are frozen by name. Where transformers holds a layer's experts in one tensor,
    an adapter holds them side by side too: the gradient of the others' part is set to zero. As their B stays zero, they
    answer as before.

    Raises:
        ModelError: the adapter is on no expert at all, so there is nothing to choose from.
    """
    if moe.chosen is None:
        return 0
    chosen, found = frozenset(moe.chosen), False
    for name, weight in _adapter_weights(model):
        if numbered := _NUMBERED.search(name):
            found = True
            weight.requires_grad_(int(numbered[1]) in chosen)
    for layer in _fused_layers(model):
        found = True
        _mask(layer, chosen)
    if not found:
        raise ModelError(
            "model.moe.experts_to_train has no effect: the adapter is on no expert",
            hint="set lora.target_modules: all-linear, or name the experts' modules",
        )
    return sum(int(weight.numel()) for _, weight in _adapter_weights(model) if weight.requires_grad)


def shrink_experts(model: Any, moe: MoeConfig, *, dtype: str, autocast: str | None) -> str | None:
    """Hold the frozen experts in 16 bits, and return what was done in words, or ``None`` where that was not asked for.

    Raises:
        ModelError: the passes compute in float32, which 16-bit weights cannot be multiplied with.
    """
    if not moe.quantize_experts:
        return None
    if dtype != "float32":
        return f"model.moe.quantize_experts: all weights are loaded in {dtype} already"
    if autocast is None:
        raise ModelError(
            "model.moe.quantize_experts holds the experts in 16 bits, and this run computes in float32",
            hint="set training.bf16: true where the machine has it, or quantize_experts: false",
        )
    torch = load_extra("torch", extra="train")
    half = torch.bfloat16 if autocast == "bf16" else torch.float16
    changed = 0
    for name, weight in model.named_parameters():
        if ".experts" in name and not weight.requires_grad and not _ADAPTER.search(name) and weight.is_floating_point():
            weight.data = weight.data.to(half)
            changed += 1
    return f"model.moe.quantize_experts: {changed} expert tensors are held in {str(half).removeprefix('torch.')}"


def _adapter_weights(model: Any) -> Iterator[tuple[str, Any]]:
    for name, weight in model.named_parameters():
        if _ADAPTER.search(name):
            yield name, weight


def _fused_layers(model: Any) -> Iterator[Any]:
    """Yield PEFT's layers over a tensor that holds several experts."""
    for module in model.modules():
        if getattr(module, "num_experts", 1) > 1 and hasattr(module, "lora_A") and len(module.lora_A):
            yield module


def _mask(layer: Any, chosen: frozenset[int]) -> None:
    torch = load_extra("torch", extra="train")
    count = int(layer.num_experts)
    for name in layer.lora_A:
        first, second = layer.lora_A[name].weight, layer.lora_B[name].weight
        # PEFT's layout: A is [experts * rank, in], expert by expert; B is [out, rank * experts], rank by rank.
        keep = torch.tensor([index in chosen for index in range(count)], device=first.device)
        rows = keep.repeat_interleave(first.shape[0] // count).unsqueeze(1)
        columns = keep.repeat(second.shape[1] // count).unsqueeze(0)
        first.register_hook(lambda gradient, mask=rows: gradient * mask)
        second.register_hook(lambda gradient, mask=columns: gradient * mask)
