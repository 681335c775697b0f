"""The records of a pipeline as the engine's sections, and the numbers a model is held in."""

from __future__ import annotations

from typing import Any

from finetune_cli.core.exceptions import CUDANotAvailableError, ModelLoadError
from finetune_cli.core.types import DeviceType, LoRAConfig, ModelConfig, TrainingConfig
from forgelm.base.network import is_offline
from forgelm.model.hardware import Hardware, detect_hardware
from forgelm.model.precision import Precision

FLASH = "flash_attention_2"
NO_STEPS = 10**9


def model_section(config: ModelConfig) -> dict[str, Any]:
    """Return the section ``model``, without the length of a sequence."""
    section: dict[str, Any] = {
        "name_or_path": config.name,
        "load_in_4bit": config.load_in_4bit,
        "trust_remote_code": config.trust_remote_code,
        "offline": is_offline(),
    }
    optional = {
        "revision": config.revision,
        "cache_dir": str(config.cache_dir) if config.cache_dir else None,
        "attn_implementation": FLASH if config.use_flash_attention else None,
        "dtype": config.torch_dtype if config.torch_dtype != "auto" else None,
    }
    return section | {name: value for name, value in optional.items() if value is not None}


def lora_section(config: LoRAConfig, targets: list[str]) -> dict[str, Any]:
    return {
        "r": config.r,
        "alpha": config.lora_alpha,
        "dropout": config.lora_dropout,
        "bias": config.bias,
        "target_modules": targets,
    }


def training_section(config: TrainingConfig, steps_per_epoch: int) -> dict[str, Any]:
    """Return the section ``training``; ``steps_per_epoch`` is how many optimizer steps one pass over the data takes."""
    every = {"no": NO_STEPS, "epoch": steps_per_epoch, "steps": config.save_steps or 500}
    measured = config.evaluation_strategy != "no"
    return {
        "output_dir": str(config.output_dir),
        "trainer_type": "sft",
        "num_train_epochs": config.num_epochs,
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay,
        "warmup_ratio": config.warmup_ratio,
        "lr_scheduler_type": config.lr_scheduler_type,
        "max_grad_norm": config.max_grad_norm,
        "logging_steps": config.logging_steps,
        "save_steps": every[config.save_strategy],
        # Beyond every step: then nothing is measured on the way.
        "eval_steps": every[config.evaluation_strategy] if measured else NO_STEPS - 1,
        "load_best_model_at_end": config.load_best_model_at_end,
        "early_stopping_patience": NO_STEPS,
        "seed": config.seed,
        "gradient_checkpointing": config.gradient_checkpointing,
        "report_to": "none",
        **({"fp16": True} if config.fp16 else {}),
        **({"bf16": True} if config.bf16 else {}),
    }


def steps_per_epoch(rows: int, config: TrainingConfig) -> int:
    """Return the optimizer steps of one pass over ``rows``; the last of them may be smaller."""
    batches = -(-rows // config.batch_size)
    return max(-(-batches // config.gradient_accumulation_steps), 1)


def choose_device(config: ModelConfig) -> Hardware:
    """Return the hardware the model goes on.

    Raises:
        CUDANotAvailableError: ``cuda`` was asked for and is not there.
        ModelLoadError: ``mps`` was asked for and is not there.
    """
    found = detect_hardware()
    if config.device in (DeviceType.AUTO, found.device):
        return found
    if config.device is DeviceType.CPU:
        return Hardware("cpu", bf16=False, fp16=False)
    if config.device is DeviceType.CUDA:
        raise CUDANotAvailableError
    raise ModelLoadError(config.name, "device mps was asked for, and there is none here", hint="use device: auto")


def load_precision(config: ModelConfig, hardware: Hardware) -> Precision:
    """Return the numbers the weights are held in: the type that was named, else the hardware's own half on a GPU."""
    half = "bfloat16" if hardware.bf16 else "float16"
    own = half if hardware.has_gpu else "float32"
    named = config.torch_dtype if config.torch_dtype not in (None, "auto") else None
    return Precision(named or own, None, config.load_in_4bit, named or own)
