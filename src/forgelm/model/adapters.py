"""Puts a trainable adapter on a loaded model; the methods are a table."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.config.model import ALL_LINEAR, LoraConfig

METHODS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "lora": {},
        "dora": {"use_dora": True},
        "rslora": {"use_rslora": True},
        "pissa": {"init_lora_weights": "pissa"},
    }
)


def attach_adapter(model: Any, lora: LoraConfig, *, quantised: bool, gradient_checkpointing: bool) -> Any:
    """Return ``model`` wrapped by PEFT with a fresh adapter.

    Raises:
        ModelError: a target module does not exist in this model, or the method cannot be used with it.
    """
    peft = load_extra("peft", extra="train")
    check_adapter(model, lora, quantised=quantised)
    if quantised:
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=gradient_checkpointing)
    targets = choose_targets(model, lora)
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            r=lora.r,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            bias=lora.bias,
            task_type=lora.task_type,
            target_modules=targets,
            modules_to_save=list(lora.modules_to_save) if lora.modules_to_save else None,
            **METHODS[lora.method],
        ),
    )


def check_adapter(model: Any, lora: LoraConfig, *, quantised: bool) -> None:
    """Refuse an adapter that ``model`` cannot have; its weights need not be there.

    Raises:
        ModelError: a target module does not exist in this model, or the method cannot be used with it.
    """
    if lora.method == "pissa" and quantised:
        raise ModelError("lora.method: pissa needs the unquantised base weights; set model.load_in_4bit: false")
    _check_modules(model, lora)
    _check_head(model, lora)


def choose_targets(model: Any, lora: LoraConfig) -> str | list[str]:
    """Return the modules in PEFT's words; ``auto`` is PEFT's own choice for a known kind of model, else all-linear."""
    if not isinstance(lora.target_modules, str):
        return list(lora.target_modules)
    if lora.target_modules == ALL_LINEAR:
        return ALL_LINEAR
    usual = load_extra("peft.utils.constants", extra="train").TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    return list(usual.get(model.config.model_type, ())) or ALL_LINEAR


def adapter_method(lora: LoraConfig | None) -> str:
    """Return how the weights are trained, as the manifest and the card say it."""
    return "full fine-tuning" if lora is None else f"{lora.method} (r={lora.r}, alpha={lora.alpha})"


def _check_modules(model: Any, lora: LoraConfig) -> None:
    names = [name for name, _ in model.named_modules() if name]
    for target in (*_named_targets(lora), *(lora.modules_to_save or ())):
        if not any(name == target or name.endswith(f".{target}") for name in names):
            raise ModelError(
                f"this model has no module named {target!r} (lora.target_modules or lora.modules_to_save)",
                hint=f"modules that can be adapted here: {', '.join(_linear_names(model))}; or use all-linear",
            )


def _named_targets(lora: LoraConfig) -> tuple[str, ...]:
    return () if isinstance(lora.target_modules, str) else tuple(lora.target_modules)


def _check_head(model: Any, lora: LoraConfig) -> None:
    head = model.get_output_embeddings()
    name = next((name for name, module in model.named_modules() if module is head), None)
    if name is not None and name.rpartition(".")[2] in _named_targets(lora):
        raise ModelError(
            f"lora.target_modules names the output layer {name!r}, whose adapter TRL's loss would bypass",
            hint=f"train it whole instead: lora.modules_to_save: [{name}]",
        )


def _linear_names(model: Any) -> list[str]:
    return sorted({name.rpartition(".")[2] for name, module in model.named_modules() if _is_linear(module)})


def _is_linear(module: Any) -> bool:
    weight = getattr(module, "weight", None)
    return weight is not None and weight.dim() == 2 and "Embedding" not in type(module).__name__
