"""One estimate of the memory a training needs on one GPU, moment by moment, from shapes and a configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from forgelm.config.root import ForgeConfig
from forgelm.model.architecture import Architecture
from forgelm.model.hardware import Hardware
from forgelm.model.precision import Precision, choose_precision, recomputes_activations
from forgelm.train.joined import joins_rows
from forgelm.train.memory.activations import Layers, Pass, measure_layers
from forgelm.train.memory.states import BYTES, States, adapted_weights, measure_states

GB = 1 << 30
# What CUDA, cuBLAS and their kernels take before the first tensor; torch does not count it.
CONTEXT = 0.6 * GB
# Gaps between the blocks that torch's allocator hands out and takes back in other sizes.
GAPS = 0.05
# TRL computes the loss tile by tile instead of keeping all logits (its kernels/chunked_logprob.py), but for these two.
TILE_TOKENS, TILE_WORDS = 4096, 32768
COPIES_WITHOUT_KERNEL = 28
# These two keep all logits: how many copies of them in 32 bits are alive at once, gradients and shifted ones included.
_WHOLE_LOGITS = MappingProxyType({"simpo": 4.0, "orpo": 4.5})
_TWO_SIDES = ("dpo", "simpo", "orpo")


@dataclass(frozen=True)
class Place:
    """Where a training would run: on ``gpus`` like this one, which share it as ``distributed`` says."""

    hardware: Hardware
    bitsandbytes: bool = True
    gpus: int = 1


@dataclass(frozen=True)
class Shares:
    """The part of each state that one GPU holds, and whether it gathers weights that are not its own."""

    weights: float = 1.0
    gradients: float = 1.0
    optimizer: float = 1.0
    gathers: bool = False


def choose_shares(config: ForgeConfig, gpus: int) -> Shares:
    """Return how ``distributed`` splits the states over ``gpus``; copies of the whole model send whole gradients."""
    distributed, part = config.distributed, 1 / gpus
    if gpus == 1:
        return Shares()
    if distributed is None or distributed.strategy is None:
        # DDP copies the gradients into buckets to send them.
        return Shares(gradients=2.0)
    if distributed.strategy == "fsdp":
        kept = 0.0 if distributed.fsdp_offload else part
        whole = distributed.fsdp_strategy == "shard_grad_op"
        return Shares(1.0 if whole else kept, kept, kept, gathers=True)
    preset = distributed.deepspeed_config or "zero2"
    if preset == "zero3_offload":
        return Shares(0.0, part, 0.0, gathers=True)
    # A file of one's own may say anything; the least that DeepSpeed shards is taken then.
    return Shares(part, part, part, gathers=True) if preset == "zero3" else Shares(1.0, part, part)


@dataclass(frozen=True)
class Batch:
    """The largest batch: ``rows`` of ``length`` tokens; ``ragged`` where they are not all equally long."""

    rows: int
    length: int
    ragged: bool


@dataclass(frozen=True)
class Estimate:
    """Bytes. ``moments`` are the peaks of each part of a training; ``parts`` add up to the highest of them."""

    parts: Mapping[str, float]
    moments: Mapping[str, float]
    precision: Precision
    states: States

    @cached_property
    def peak(self) -> str:
        return max(self.moments, key=lambda name: self.moments[name])

    @property
    def total(self) -> float:
        return self.moments[self.peak]

    @property
    def allocated(self) -> float:
        """What torch itself counts at the peak of a step: without CUDA's own part and the allocator's gaps."""
        return self.total - self.parts.get("cuda_context", 0.0) - self.parts.get("allocator_gaps", 0.0)


@dataclass(frozen=True)
class Shown:
    """A pass and what it keeps."""

    seen: Pass
    layers: Layers


def largest_batch(config: ForgeConfig) -> Batch:
    """Return the largest batch that ``config`` allows, whatever the data: every row cut at ``model.max_length``."""
    training = config.training
    rows = training.per_device_train_batch_size * (2 if training.trainer_type in _TWO_SIDES else 1)
    length = config.model.max_length
    if training.trainer_type == "grpo":
        length += training.grpo_max_completion_length
    if _is_one_line(config):
        return Batch(1, rows * length, ragged=True)
    return Batch(rows, length, ragged=rows > 1)


def widen(config: ForgeConfig, batch: Batch) -> Batch:
    """Return what ``batch`` rows of a dataset become in a pass: both sides of comparisons, or one line of all rows.

    Rows that are joined line by line fill at most the lines that they would be padded in.
    """
    training = config.training
    rows = batch.rows * (2 if training.trainer_type in _TWO_SIDES else 1)
    if _is_one_line(config):
        return Batch(1, rows * batch.length, ragged=True)
    return Batch(rows, batch.length, batch.ragged)


def _is_one_line(config: ForgeConfig) -> bool:
    """TRL lays the rows of a batch end to end when it packs, and for flash attention where nothing is padded."""
    training = config.training
    return training.packing or (bool(training.padding_free) and not joins_rows(config.model.attn_implementation))


def estimate_memory(
    architecture: Architecture, config: ForgeConfig, place: Place, *, batch: Batch | None = None
) -> Estimate:
    """Return what training ``architecture`` as ``config`` says takes on one GPU of ``place``.

    Raises:
        ModelError: the hardware cannot do what the configuration asks for.
    """
    precision = choose_precision(
        config.model,
        config.training,
        place.hardware,
        full_finetune=config.lora is None,
        bitsandbytes=place.bitsandbytes,
    )
    on_gpu = place.hardware.has_gpu
    optim = config.training.optim or ("adamw_torch_fused" if on_gpu else "adamw_torch")
    states = measure_states(architecture, config, precision, optim)
    seen = build_pass(architecture, config, precision, batch or largest_batch(config), on_gpu=on_gpu)
    layers = measure_layers(architecture, seen)
    shares = choose_shares(config, place.gpus)
    steady = _steady(architecture, config, precision, states, place)
    moments = {
        **_step_moments(architecture, config, place, states, Shown(seen, layers), shares),
        **_other_moments(architecture, config, precision, states, seen, layers),
    }
    finished = {name: _with_overhead({**steady, **extra}, steady, on_gpu=on_gpu) for name, extra in moments.items()}
    totals = {name: sum(parts.values()) for name, parts in finished.items()}
    peak = max(totals, key=lambda name: totals[name])
    return Estimate(MappingProxyType(finished[peak]), MappingProxyType(totals), precision, states)


def build_pass(
    architecture: Architecture, config: ForgeConfig, precision: Precision, batch: Batch, *, on_gpu: bool
) -> Pass:
    """Return the forward pass that learns from ``batch``."""
    lora, learns = config.lora, config.lora is None
    width = 2 if precision.autocast else BYTES[precision.load_dtype]
    residual = 4 if learns else BYTES[precision.load_dtype]
    if precision.four_bit:
        # The embedding was taken up to 32 bits, and with it what runs between the layers.
        residual = 4
    noise = (
        0 if lora is None or not lora.dropout or config.training.trainer_type in ("dpo", "simpo", "orpo", "kto") else 1
    )
    return Pass(
        rows=batch.rows,
        length=batch.length,
        width=width,
        residual=residual,
        learns=learns,
        adapted=frozenset(weight.name for weight in adapted_weights(architecture, lora)) if lora else frozenset(),
        rank=lora.r if lora else 0,
        adapter_width=2 if precision.four_bit else 4,
        noise_width=noise if on_gpu or not noise else 4,
        attention=architecture.attention,
        masked=batch.ragged,
        fused=bool(getattr(config.training, "use_liger_kernel", False)),
    )


def _steady(
    architecture: Architecture, config: ForgeConfig, precision: Precision, states: States, place: Place
) -> dict[str, float]:
    """Return what is there in every moment, the gradients aside."""
    shares = choose_shares(config, place.gpus)
    steady: dict[str, float] = {
        "base_model": states.base * shares.weights,
        "lora_adapter": states.adapter * shares.weights,
        "optimizer_state": states.optimizer * shares.optimizer,
    }
    training = config.training
    keeps_copy = training.trainer_type in ("dpo", "kto") or (training.trainer_type == "grpo" and training.grpo_beta > 0)
    asks_once = training.trainer_type == "dpo" and training.asks_reference_once(place.gpus)
    if config.lora is None and keeps_copy and not asks_once:
        steady["reference_model"] = architecture.parameters * BYTES[precision.load_dtype] * shares.weights
    if training.trainer_type == "grpo" and training.grpo_reward_model:
        # Its size is its own; one as large as the model that learns is the usual choice.
        steady["reward_model"] = float(architecture.parameters * BYTES[precision.load_dtype])
    if shares.gathers:
        # One layer is whole while it is computed, and the next one while it is fetched.
        by_layer: dict[int | None, int] = {}
        for weight in architecture.weights:
            by_layer[weight.layer] = by_layer.get(weight.layer, 0) + weight.count
        steady["gathered_layers"] = 2.0 * max(by_layer.values()) * 2
    return steady


def _step_moments(
    architecture: Architecture, config: ForgeConfig, place: Place, states: States, shown: Shown, shares: Shares
) -> dict[str, dict[str, float]]:
    """Return the two ends of the backward pass, and the optimizer's step."""
    seen, layers = shown.seen, shown.layers
    recomputes = recomputes_activations(config.training, place.hardware)
    kept = layers.outside + (len(layers.each) * layers.border if recomputes else layers.total)
    gradients = states.gradients * shares.gradients
    waiting = gradients if config.training.gradient_accumulation_steps > 1 else 0.0
    loss = _loss(architecture, config, seen, on_gpu=place.hardware.has_gpu)
    again = layers.largest + layers.largest_copy if recomputes else 0.0
    reference = _reference_pass(architecture, config, place, seen)
    fused = config.training.optim in (None, "adamw_torch_fused") and place.hardware.has_gpu
    temporary = 0.0 if fused else max((tensor.count for tensor in states.trained), default=0) * 8.0
    if not place.hardware.has_gpu or config.training.optim == "adamw_torch":
        temporary = max(temporary, 4.0 * states.learning * shares.optimizer)
    return {
        "loss": {
            "activations": kept,
            "weight_copies": layers.copies,
            "logits": max(loss, reference),
            "gradients": waiting,
        },
        "first layers of the backward pass": {
            "activations": kept,
            "weight_copies": 0.0 if recomputes else layers.copies,
            "workspace": again + layers.workspace,
            "gradients": waiting + (_head_bytes(architecture) if seen.learns and not waiting else 0.0),
        },
        "last layers of the backward pass": {
            "activations": layers.border if recomputes else layers.largest,
            "workspace": again + layers.workspace,
            "gradients": gradients,
        },
        "optimizer step": {"gradients": gradients, "workspace": temporary},
    }


def _other_moments(
    architecture: Architecture,
    config: ForgeConfig,
    precision: Precision,
    states: States,
    seen: Pass,
    layers: Layers,
) -> dict[str, dict[str, float]]:
    """Return what happens beside the steps: replies that are drawn, evaluation, merging."""
    training = config.training
    moments: dict[str, dict[str, float]] = {}
    if training.trainer_type == "grpo":
        rows = training.per_device_train_batch_size * training.gradient_accumulation_steps
        cache = 2.0 * rows * seen.length * architecture.layers * architecture.kv_heads * architecture.head_dim
        prompts = replace(seen, rows=rows, length=config.model.max_length)
        moments["drawing replies"] = {
            "generation_cache": cache * seen.width,
            "workspace": _forward_workspace(architecture, prompts) + rows * architecture.vocabulary * 8.0,
        }
    else:
        rows = training.per_device_eval_batch_size or training.per_device_train_batch_size
        rows *= 2 if training.trainer_type in _TWO_SIDES else 1
        asked = replace(seen, rows=rows, length=min(seen.length, config.model.max_length))
        moments["evaluation"] = {
            "workspace": _forward_workspace(architecture, asked),
            "logits": _loss(architecture, config, asked, on_gpu=True) / 2,
        }
    if training.merge_adapters and config.lora is not None:
        moments["merging the adapter"] = {"merged_model": float(architecture.parameters * BYTES[precision.load_dtype])}
    return moments


def _loss(architecture: Architecture, config: ForgeConfig, seen: Pass, *, on_gpu: bool) -> float:
    """Return what the output layer and the loss take on top of what the layers kept."""
    vocabulary, hidden, positions = architecture.vocabulary, architecture.hidden, seen.positions
    head = vocabulary * hidden * 4.0 if seen.learns else 0.0
    if config.training.trainer_type in _WHOLE_LOGITS:
        copies = 4.0 * _WHOLE_LOGITS[config.training.trainer_type] + (2 if seen.width == 2 else 0)
        return head + positions * vocabulary * copies
    scored = min(positions, TILE_TOKENS)
    cast = min(vocabulary, TILE_WORDS) * hidden * seen.width if seen.residual != seen.width else 0
    # The tile is as wide with a small vocabulary; without its kernel it is turned over in several copies of 32 bits.
    tiles = scored * (TILE_WORDS * seen.width + (0 if on_gpu else min(vocabulary, TILE_WORDS) * COPIES_WITHOUT_KERNEL))
    return head + tiles + cast + positions * (hidden * (2.0 * seen.residual + 4) + 64)


def _reference_pass(architecture: Architecture, config: ForgeConfig, place: Place, seen: Pass) -> float:
    """Return what a pass without gradients takes while the activations of the one that learns are waiting."""
    training = config.training
    asks_each_step = training.trainer_type == "dpo" and not training.asks_reference_once(place.gpus)
    compares = training.trainer_type == "kto" or asks_each_step
    return _forward_workspace(architecture, seen) if compares else 0.0


def _forward_workspace(architecture: Architecture, seen: Pass) -> float:
    """Return what one layer holds at once when nothing is kept."""
    widest = max((weight.outputs for weight in architecture.of("linear") if weight.layer is not None), default=0)
    return seen.positions * (3.0 * widest * seen.width + 3 * architecture.hidden * seen.residual)


def _head_bytes(architecture: Architecture) -> float:
    return 4.0 * architecture.vocabulary * architecture.hidden


def _with_overhead(parts: dict[str, float], steady: dict[str, float], *, on_gpu: bool) -> dict[str, float]:
    if not on_gpu:
        return parts
    moving = sum(size for name, size in parts.items() if name not in steady)
    return {**parts, "allocator_gaps": GAPS * moving, "cuda_context": CONTEXT}


def as_breakdown(estimate: Estimate, architecture: Architecture) -> dict[str, Any]:
    """Return the estimate with the contract's names: gigabytes of 2^30 bytes, at the highest moment."""
    names = ("base_model", "lora_adapter", "optimizer_state", "gradients", "activations", "logits")
    sizes = {name: estimate.parts.get(name, 0.0) for name in names} | dict(estimate.parts)
    return {
        **{f"{name}_gb": round(size / GB, 3) for name, size in sizes.items()},
        "total_estimated_gb": round(estimate.total / GB, 3),
        "peak_moment": estimate.peak,
        "moments_gb": {name: round(size / GB, 3) for name, size in estimate.moments.items()},
        "quant_scheme": "4bit" if estimate.precision.four_bit else estimate.precision.load_dtype,
        "estimated_param_count_b": round(architecture.parameters / 1e9, 4),
        "trainable_param_count_b": round(estimate.states.learning / 1e9, 6),
        "estimation_caveat": architecture.note,
    }
