"""A model in memory as the engine's training takes it: its adapter attached, and what is true about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from finetune_cli.core.exceptions import IncompatibleConfigError, TargetModulesNotFoundError
from finetune_cli.core.types import LoRAConfig, TrainingConfig
from finetune_cli.models.sections import lora_section, training_section
from finetune_cli.models.targets import detect_target_modules
from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.config.root import ForgeConfig
from forgelm.model.adapters import adapter_method, attach_adapter
from forgelm.model.hardware import Hardware, detect_hardware
from forgelm.model.load import LoadedModel
from forgelm.model.parameters import count_parameters
from forgelm.model.precision import Precision
from forgelm.model.revision import Revision


def build_run_config(
    model: Any, training: TrainingConfig, lora: LoRAConfig | None, *, longest: int, steps_per_epoch: int
) -> ForgeConfig:
    """Return the engine's configuration of this training. ``longest`` is the longest row in tokens."""
    if lora is not None:
        check_lora(lora)
    targets = [] if lora is None else list(lora.target_modules or detect_target_modules(model))
    return ForgeConfig(
        model={
            "name_or_path": model_name(model),
            "max_length": max(longest, 1),
            "load_in_4bit": False,
            "offline": True,
        },
        lora=None if lora is None else lora_section(lora, targets),
        training=training_section(training, steps_per_epoch),
        data={"dataset_name_or_path": "in-memory"},
    )


def model_name(model: Any) -> str:
    """Return the name the model was loaded by; ``load_model_and_tokenizer`` keeps the user's."""
    return str(getattr(model, "name_given", "") or getattr(model, "name_or_path", "") or type(model).__name__)


def prepare_model(model: Any, tokenizer: Any, config: ForgeConfig) -> LoadedModel:
    """Return ``model`` ready to train: all weights, or with a fresh adapter. Its initial weights follow the seed."""
    hardware = _hardware_of(model)
    quantised = is_quantised(model)
    load_extra("transformers", extra="train").set_seed(config.training.seed)
    architecture = type(model).__name__
    if config.lora is None:
        model.requires_grad_(True)
    else:
        try:
            model = attach_adapter(
                model,
                config.lora,
                quantised=quantised,
                gradient_checkpointing=bool(config.training.gradient_checkpointing),
            )
        except ModelError as error:
            if "no module named" not in error.message:
                raise
            raise TargetModulesNotFoundError(
                model_name(model), list(config.lora.target_modules), hint=error.hint
            ) from error
    parameters = count_parameters(model)
    autocast = "bf16" if config.training.bf16 else "fp16" if config.training.fp16 else None
    dtype = str(model.dtype).removeprefix("torch.")
    name = config.model.name_or_path
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        revision=Revision(name, name, None, getattr(model.config, "_commit_hash", None), "in_memory"),
        hardware=hardware,
        precision=Precision(dtype, autocast, quantised, dtype),
        adapter_method=adapter_method(config.lora),
        trainable_parameters=parameters.trainable,
        total_parameters=parameters.total,
        architecture=architecture,
    )


def is_quantised(model: Any) -> bool:
    """Tell whether the weights are held in 4 or 8 bits."""
    return bool(getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False))


def check_lora(lora: LoRAConfig) -> None:
    """Refuse what the engine's adapters cannot be told."""
    if lora.init_lora_weights is not True:
        raise IncompatibleConfigError(
            f"lora.init_lora_weights: {lora.init_lora_weights} is not supported",
            ("lora.init_lora_weights",),
            hint="leave it true",
        )
    if lora.fan_in_fan_out:
        raise IncompatibleConfigError(
            "lora.fan_in_fan_out: PEFT reads it off the kind of each layer, and true would only contradict that",
            ("lora.fan_in_fan_out",),
            hint="leave it false",
        )


def _hardware_of(model: Any) -> Hardware:
    found = detect_hardware()
    device = str(getattr(model, "device", "cpu")).partition(":")[0]
    return found if found.device == device else replace(found, device="cpu", gpu_names=())
