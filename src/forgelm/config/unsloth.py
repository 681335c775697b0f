"""What Unsloth does otherwise than asked, or not at all: refused before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from forgelm.config.distributed import DistributedConfig
from forgelm.config.explain import Finding
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.training import TrainingConfig

_OTHERWISE = "or set model.backend: transformers"


def find_unsloth_conflicts(
    model: ModelConfig, lora: LoraConfig | None, training: TrainingConfig, distributed: DistributedConfig | None
) -> Iterator[Finding]:
    """Yield what ``model.backend: unsloth`` cannot be combined with."""
    if model.backend != "unsloth":
        return
    if lora is None:
        yield _refuse("unsloth trains an adapter here, not all weights", ("lora",), "use 'lora: {}'")
    if lora is not None and lora.method == "pissa":
        yield _refuse("unsloth does not know pissa's start", ("lora", "method"), "use lora, dora or rslora")
    if distributed is not None and distributed.strategy is not None:
        yield _refuse("unsloth trains in one process", ("distributed", "strategy"), "leave it out")
    if model.images is not None:
        yield _refuse("unsloth loads models for text alone here", ("model", "multimodal"), "leave it out")
    if model.moe is not None:
        yield _refuse("unsloth has its own way with experts", ("model", "moe"), "leave it out")
    if model.attn_implementation is not None:
        yield _refuse("unsloth brings its own attention", ("model", "attn_implementation"), "leave it out")
    if training.use_liger_kernel:
        yield _refuse("unsloth brings its own kernels", ("training", "use_liger_kernel"), "set it to false")
    for name in ("rope_scaling", "sliding_window_attention"):
        if getattr(training, name) is not None:
            yield _refuse("unsloth sets the model's positions itself", ("training", name), "leave it out")
    if model.load_in_4bit:
        yield from _four_bit_conflicts(model)


def find_unsloth_warnings(model: ModelConfig) -> Iterator[str]:
    """Yield what a user of it should be told."""
    if model.backend == "unsloth" and model.trust_remote_code:
        yield "model.trust_remote_code with backend unsloth: code of the repository runs beside unsloth's changes to it"


def _four_bit_conflicts(model: ModelConfig) -> Iterator[Finding]:
    fixed = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "auto"}
    for name, value in fixed.items():
        if getattr(model, name) != value:
            yield _refuse("unsloth has one kind of 4-bit weights", ("model", name), f"set it to {str(value).lower()}")


def _refuse(reason: str, loc: tuple[str, ...], hint: str) -> Finding:
    return Finding(reason, loc=loc, at_key=True, hint=f"{hint}, {_OTHERWISE}")
