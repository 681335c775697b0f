"""What stays in memory all through a training, in bytes: weights, adapter, gradients, the optimizer's state. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from forgelm.base.extras import load_extra
from forgelm.config.model import ALL_LINEAR, AUTO, LoraConfig
from forgelm.config.root import ForgeConfig
from forgelm.config.training import TrainingConfig
from forgelm.model.architecture import Architecture, Weight
from forgelm.model.precision import Precision

BYTES = MappingProxyType({"float32": 4, "bfloat16": 2, "float16": 2})
# bitsandbytes keeps one 4-byte scale for each 64 weights; double quantisation keeps a byte, and 4 for each 256 scales.
_SCALE, _DOUBLE_SCALE = 4 / 64, 1 / 64 + 4 / (64 * 256)
_GALORE_BASE = MappingProxyType(
    {"galore_adamw": "adamw_torch", "galore_adamw_8bit": "adamw_8bit", "galore_adafactor": "adafactor"}
)
# It leaves tensors below this size, and their optimizer state, unquantised.
_SMALL = 4096


@dataclass(frozen=True)
class Trained:
    """One tensor that learns. ``adapter`` is true where it stands beside the base weights instead of being one."""

    shape: tuple[int, ...]
    width: int
    adapter: bool

    @property
    def count(self) -> int:
        product = 1
        for size in self.shape:
            product *= size
        return product


@dataclass(frozen=True)
class States:
    """Bytes of what stays in memory. ``trained`` are the tensors that learn."""

    base: int
    adapter: int
    gradients: int
    optimizer: int
    trained: tuple[Trained, ...]

    @property
    def learning(self) -> int:
        """Number of parameters that learn."""
        return sum(tensor.count for tensor in self.trained)


def measure_states(architecture: Architecture, config: ForgeConfig, precision: Precision, optim: str) -> States:
    """Return what the model and its training keep in memory. GaLore, where it is on, takes the place of ``optim``.

    Raises:
        KeyError: the optimizer is not in ``OPTIMIZERS``.
    """
    trained = tuple(trained_tensors(architecture, config, precision))
    return States(
        base=_base_bytes(architecture, config, precision),
        adapter=sum(tensor.count * tensor.width for tensor in trained if tensor.adapter),
        gradients=sum(tensor.count * tensor.width for tensor in trained),
        optimizer=round(sum(_state_bytes(tensor, config.training, optim) for tensor in trained)),
        trained=trained,
    )


def _state_bytes(tensor: Trained, training: TrainingConfig, optim: str) -> float:
    if not training.galore_enabled:
        return OPTIMIZERS[optim](tensor)
    kind = OPTIMIZERS[_GALORE_BASE[training.galore_optim.removesuffix("_layerwise")]]
    if len(tensor.shape) != 2:
        return kind(tensor)
    # State is kept for a view of the gradient, rank by its longer side, and beside it what makes the view.
    short, long = sorted(tensor.shape)
    rank = min(training.galore_rank, short)
    return kind(replace(tensor, shape=(rank, long))) + rank * short * tensor.width


def trained_tensors(architecture: Architecture, config: ForgeConfig, precision: Precision) -> Iterator[Trained]:
    """Yield every tensor that learns, with the bytes of one of its numbers."""
    width = BYTES[precision.load_dtype]
    lora = config.lora
    if lora is None:
        yield from (Trained(weight.shape, width, adapter=False) for weight in architecture.weights)
        return
    # TRL takes the adapter of a quantised model down to bfloat16; PEFT keeps others in 32 bits.
    small = 2 if precision.four_bit else 4
    adapted = list(adapted_weights(architecture, lora))
    for weight in adapted:
        rank = adapter_rank(weight, lora)
        yield Trained((rank, weight.inputs), small, adapter=True)
        yield Trained((weight.outputs, rank), small, adapter=True)
        if lora.method == "dora":
            yield Trained((weight.outputs,), 4, adapter=True)
    for weight in saved_whole(architecture, lora):
        yield Trained(weight.shape, 4 if precision.four_bit else width, adapter=True)
    names = {weight.module for weight in adapted}
    for weight in architecture.weights:
        if weight.name.endswith("bias") and (
            lora.bias == "all" or (lora.bias == "lora_only" and weight.module in names)
        ):
            yield Trained(weight.shape, width, adapter=False)


def adapted_weights(architecture: Architecture, lora: LoraConfig) -> Iterator[Weight]:
    """Yield the weights that get an adapter, as PEFT chooses them: by the end of their name.

    Experts that are packed into one tensor, and what chooses between them, count as the layers they once were.
    """
    targets = _targets(architecture, lora)
    for weight in architecture.of("linear", "head", "expert", "router"):
        if targets == ALL_LINEAR:
            if weight.role != "head" and (weight.role != "router" or architecture.model_type == "mixtral"):
                yield weight
        elif _is_named(weight, targets):
            yield weight


def _targets(architecture: Architecture, lora: LoraConfig) -> list[str] | str:
    if lora.target_modules != AUTO:
        return lora.target_modules
    usual = load_extra("peft.utils.constants", extra="train").TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    return list(usual.get(architecture.model_type, ())) or ALL_LINEAR


def adapter_rank(weight: Weight, lora: LoraConfig) -> int:
    """Return the rank of an adapter of ``weight``: all experts' together, and twice where two layers are one tensor."""
    if weight.role != "expert":
        return lora.r
    return lora.r * weight.shape[0] * (2 if "gate_up" in weight.name else 1)


def saved_whole(architecture: Architecture, lora: LoraConfig) -> Iterator[Weight]:
    """Yield the weights of which ``modules_to_save`` trains a copy."""
    return (weight for weight in architecture.weights if _is_named(weight, lora.modules_to_save or ()))


def is_quantised(weight: Weight) -> bool:
    """Tell whether 4-bit loading packs ``weight``: the linear layers but the head."""
    return weight.role == "linear"


def _base_bytes(architecture: Architecture, config: ForgeConfig, precision: Precision) -> int:
    width = BYTES[precision.load_dtype]
    if not precision.four_bit:
        return architecture.parameters * width
    scale = _DOUBLE_SCALE if config.model.bnb_4bit_use_double_quant else _SCALE
    packed = sum(weight.count for weight in architecture.weights if is_quantised(weight))
    # PEFT prepares a quantised model by taking everything that was left unquantised up to 32 bits.
    return round(packed * (0.5 + scale)) + (architecture.parameters - packed) * 4


def _is_named(weight: Weight, names: tuple[str, ...] | list[str] | str) -> bool:
    return any(weight.module == name or weight.module.endswith(f".{name}") for name in names)


def _each(numbers: float) -> Callable[[Trained], float]:
    """State of ``numbers`` 32-bit numbers for each that learns, kept in its own type."""
    return lambda tensor: tensor.count * numbers * tensor.width


def _blocks(states: int, width: float = 1.0, block: int = 256) -> Callable[[Trained], float]:
    """Quantised states: ``width`` bytes a number and a 4-byte scale a block; small tensors stay in 32 bits."""
    return lambda tensor: states * tensor.count * (4 if tensor.count < _SMALL else width + 4 / block)


def _factored(tensor: Trained) -> float:
    """Adafactor without momentum: a row and a column for each matrix (Shazeer and Stern 2018, arXiv:1804.04235)."""
    if len(tensor.shape) < 2:
        return tensor.count * 4
    rows, columns = tensor.shape[-2:]
    return tensor.count // (rows * columns) * (rows + columns) * 4


# Bytes of state for one tensor. Paged state may move to the processor's memory when the GPU is full; it counts here.
OPTIMIZERS: MappingProxyType[str, Callable[[Trained], float]] = MappingProxyType(
    {
        **dict.fromkeys(("adamw_torch", "adamw_torch_fused", "stable_adamw"), _each(2)),
        **dict.fromkeys(("schedule_free_adamw", "schedule_free_radam"), _each(2)),
        **dict.fromkeys(("paged_adamw_32bit",), _each(2)),
        **dict.fromkeys(("adamw_bnb_8bit", "adamw_8bit", "paged_adamw_8bit"), _blocks(2)),
        "adamw_torch_8bit": _blocks(2),
        "adamw_torch_4bit": _blocks(2, 0.5, 128),
        "adafactor": _factored,
        "sgd": _each(0),
        "schedule_free_sgd": _each(1),
        **dict.fromkeys(("adagrad", "rmsprop", "rmsprop_bnb", "rmsprop_bnb_32bit"), _each(1)),
        "rmsprop_bnb_8bit": _blocks(1),
        **dict.fromkeys(("lion_32bit", "paged_lion_32bit"), _each(1)),
        **dict.fromkeys(("lion_8bit", "paged_lion_8bit"), _blocks(1)),
        **dict.fromkeys(("ademamix", "paged_ademamix_32bit", "grokadamw"), _each(3)),
        **dict.fromkeys(("ademamix_8bit", "paged_ademamix_8bit"), _blocks(3)),
    }
)
