"""Decides in which numbers a model is loaded and trained on the hardware that is here. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from forgelm.base.errors import ModelError
from forgelm.config.model import ModelConfig
from forgelm.config.training import TrainingConfig
from forgelm.model.hardware import Hardware

_DTYPE_NAMES = MappingProxyType({"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"})


@dataclass(frozen=True)
class Precision:
    """What will really run. ``load_dtype`` and ``compute_dtype`` are torch's names."""

    load_dtype: str
    autocast: str | None
    four_bit: bool
    compute_dtype: str
    notes: tuple[str, ...] = ()


def choose_precision(
    model: ModelConfig, training: TrainingConfig, hardware: Hardware, *, full_finetune: bool, bitsandbytes: bool
) -> Precision:
    """Return the precision for this run.

    A switch the user set explicitly is honoured or refused; a default that the machine cannot meet falls back, and
    ``notes`` says so.

    Raises:
        ModelError: ``bf16``, ``fp16`` or ``load_in_4bit`` was asked for and this machine cannot do it.
    """
    autocast = _choose_autocast(training, hardware)
    four_bit, notes = _choose_four_bit(model, hardware, full_finetune=full_finetune, bitsandbytes=bitsandbytes)
    half = _DTYPE_NAMES[autocast] if autocast and hardware.has_gpu else "float32"
    load_dtype = model.dtype if model.dtype != "auto" else "float32" if full_finetune else half
    compute = model.bnb_4bit_compute_dtype
    compute_dtype = half if compute == "auto" else _DTYPE_NAMES.get(compute, compute)
    return Precision(load_dtype, autocast, four_bit, compute_dtype, notes)


def recomputes_activations(training: TrainingConfig, hardware: Hardware) -> bool:
    """Tell whether gradient checkpointing is on: where the user did not say, on a GPU, whose memory is the limit."""
    return hardware.has_gpu if training.gradient_checkpointing is None else training.gradient_checkpointing


def _choose_autocast(training: TrainingConfig, hardware: Hardware) -> str | None:
    for name, asked, able in (("bf16", training.bf16, hardware.bf16), ("fp16", training.fp16, hardware.fp16)):
        if asked and not able:
            raise ModelError(
                f"training.{name} is true, but this machine's {hardware.device} cannot train in {name}",
                hint=f"remove training.{name} to use what the hardware supports",
            )
    if training.bf16:
        return "bf16"
    if training.fp16:
        return "fp16"
    if not hardware.has_gpu:
        return None
    if hardware.bf16:
        return "bf16" if training.bf16 is None else None
    return "fp16" if hardware.fp16 and training.fp16 is None else None


def _choose_four_bit(
    model: ModelConfig, hardware: Hardware, *, full_finetune: bool, bitsandbytes: bool
) -> tuple[bool, tuple[str, ...]]:
    if not model.load_in_4bit or full_finetune:
        return False, ()
    explicit = "load_in_4bit" in model.model_fields_set
    if bitsandbytes and (hardware.has_gpu or explicit):
        return True, ()
    reason = "bitsandbytes is not installed" if not bitsandbytes else "there is no CUDA GPU"
    if explicit:
        raise ModelError(
            f"model.load_in_4bit is true, but {reason}",
            hint="pip install 'forgelm[qlora]', or set model.load_in_4bit: false",
        )
    return False, (f"4-bit loading was not used: {reason}; the base weights are loaded unquantised",)
