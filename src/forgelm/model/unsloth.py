"""Unsloth in the place of transformers and PEFT: what it cannot do is said first, then it loads model and adapter.

Only the model that is trained comes from it. What is saved is a plain adapter, and what is judged is that adapter on
the plain base, loaded without Unsloth.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError, OptionalDependencyError
from forgelm.base.extras import is_installed, load_extra
from forgelm.base.processes import read_place
from forgelm.config.model import LoraConfig
from forgelm.config.root import ForgeConfig
from forgelm.model.adapters import METHODS, check_adapter, choose_targets
from forgelm.model.hardware import Hardware, detect_hardware
from forgelm.model.precision import Precision, recomputes_activations
from forgelm.model.revision import Revision

logger = logging.getLogger(__name__)
# What Unsloth trains whole beside an adapter; layer norms too, by any of their names.
_WHOLE = ("lm_head", "embed_tokens")


def check_unsloth(config: ForgeConfig, hardware: Hardware | None = None) -> None:
    """Refuse ``model.backend: unsloth`` where it cannot work; without ``hardware``, only where it is not installed.

    Raises:
        OptionalDependencyError: it is not installed.
        ModelError: there is no GPU, or there are several processes.
    """
    if config.model.backend == "unsloth":
        require_unsloth("model.backend: unsloth", hardware)


def require_unsloth(what: str, hardware: Hardware | None) -> None:
    """``check_unsloth`` for any place that asks for it; ``what`` is how the user did.

    Raises:
        OptionalDependencyError, ModelError: as there.
    """
    if not is_installed("unsloth"):
        raise OptionalDependencyError(
            f"{what} needs the package 'unsloth', which is not installed",
            hint="pip install --no-deps unsloth unsloth_zoo, which is forgelm[unsloth] without the older releases of "
            "other packages that it pins; or take transformers as the backend",
        )
    if hardware is not None and not hardware.has_gpu:
        raise ModelError(
            f"{what} is written for CUDA GPUs, and this machine trains on {hardware.device}",
            hint="take transformers as the backend",
        )
    if not read_place().alone:
        raise ModelError(
            f"{what} works in one process, and there are {read_place().count}",
            hint="take transformers as the backend, or start one process",
        )


def prepare_backend(config: ForgeConfig) -> None:
    """Check and import the library that loads the model, where it is not transformers: it has to come before that.

    Raises:
        OptionalDependencyError, ModelError: as ``check_unsloth`` and ``import_unsloth``.
    """
    if config.model.backend == "unsloth":
        check_unsloth(config, detect_hardware() if is_installed("torch") else None)
        import_unsloth()


def import_unsloth() -> Any:
    """Return the package. It changes transformers, TRL and PEFT as it is imported, so the earlier the better.

    Raises:
        OptionalDependencyError: it is not installed, or something that it needs is not.
        ModelError: it does not want this machine.
    """
    try:
        library = load_extra("unsloth", extra="unsloth")
    except (NotImplementedError, RuntimeError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), repr(error))
        raise ModelError(
            f"unsloth does not load here: {reason}",
            hint="set model.backend: transformers",
        ) from error
    if unmet := _unmet_requirements():
        logger.warning("unsloth asks for %s; it was not tested with what is installed", ", ".join(unmet))
    return library


def load_adapted(
    config: ForgeConfig, revision: Revision, precision: Precision, hardware: Hardware, options: Mapping[str, Any]
) -> Any:
    """Return the base model with a fresh adapter on it, both made by Unsloth. ``options`` are transformers' own.

    Raises:
        ModelError: the model reads fewer tokens than ``model.max_length``, which Unsloth would stretch without a word,
            or a module is named that does not exist or that it cannot train.
    """
    assert config.lora is not None  # a rule of the configuration
    fast = import_unsloth().FastLanguageModel
    torch = load_extra("torch", extra="train")
    _check_length(config, revision, options)
    model, _ = fast.from_pretrained(
        model_name=revision.path,
        max_seq_length=config.model.max_length,
        dtype=getattr(torch, precision.load_dtype),
        load_in_4bit=precision.four_bit,
        device_map={"": 0} if hardware.has_gpu else None,
        # Names on the hub would otherwise be replaced by Unsloth's own copies, which nobody pinned.
        use_exact_model_name=True,
        fix_tokenizer=False,
        use_gradient_checkpointing=_recomputation(config, hardware),
        random_state=config.training.seed,
        use_safetensors=True,
        **options,
    )
    return fast.get_peft_model(model, **_adapter_arguments(model, config.lora, config, hardware))


def load_to_ask(folder: Path, hardware: Hardware, *, dtype: str, four_bit: bool, options: Mapping[str, Any]) -> Any:
    """Return the whole model in ``folder`` as Unsloth loads it; ``prepare_to_ask`` it when its adapter is on."""
    transformers, torch = load_extra("transformers", extra="train"), load_extra("torch", extra="train")
    fast = import_unsloth().FastLanguageModel
    text = transformers.AutoConfig.from_pretrained(str(folder), **options).get_text_config()
    model, _ = fast.from_pretrained(
        model_name=str(folder),
        max_seq_length=text.max_position_embeddings,
        dtype=getattr(torch, dtype),
        load_in_4bit=four_bit,
        device_map={"": 0} if hardware.has_gpu else None,
        use_exact_model_name=True,
        fix_tokenizer=False,
        use_safetensors=True,
        **options,
    )
    return model


def prepare_to_ask(model: Any) -> Any:
    """Return ``model`` with Unsloth's faster generation switched on."""
    return import_unsloth().FastLanguageModel.for_inference(model) or model


def _adapter_arguments(model: Any, lora: LoraConfig, config: ForgeConfig, hardware: Hardware) -> dict[str, Any]:
    check_adapter(model, lora, quantised=False)
    whole = list(lora.modules_to_save or ())
    for name in whole:
        if name.rpartition(".")[2] not in _WHOLE and "norm" not in name:
            raise ModelError(
                f"lora.modules_to_save names {name!r}, which Unsloth does not train whole",
                hint=f"it does with {', '.join(_WHOLE)} and layer norms; or set model.backend: transformers",
            )
    return {
        "r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "bias": lora.bias,
        "target_modules": choose_targets(model, lora),
        "modules_to_save": whole or None,
        "use_gradient_checkpointing": _recomputation(config, hardware),
        "random_state": config.training.seed,
        **METHODS[lora.method],
    }


def _recomputation(config: ForgeConfig, hardware: Hardware) -> str | bool:
    """Return Unsloth's own way to recompute activations, where they are recomputed at all."""
    return "unsloth" if recomputes_activations(config.training, hardware) else False


def _check_length(config: ForgeConfig, revision: Revision, options: Mapping[str, Any]) -> None:
    transformers = load_extra("transformers", extra="train")
    architecture = transformers.AutoConfig.from_pretrained(revision.path, **options)
    longest = getattr(architecture.get_text_config(), "max_position_embeddings", None)
    if longest is not None and config.model.max_length > longest:
        raise ModelError(
            f"model.max_length is {config.model.max_length}, and {revision.repo_id} reads {longest} tokens: Unsloth "
            "would scale its positions, and the saved adapter would be served without that",
            hint=f"set model.max_length: {longest}, or model.backend: transformers with training.rope_scaling",
        )


def _unmet_requirements() -> list[str]:
    """Return what Unsloth's package asks of the others and does not get."""
    requirements = load_extra("packaging.requirements", extra="train")
    unmet = []
    try:
        asked = importlib.metadata.requires("unsloth") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    for text in asked:
        wanted = requirements.Requirement(text)
        if wanted.name not in ("transformers", "trl", "peft", "torch", "datasets", "accelerate"):
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            found = importlib.metadata.version(wanted.name)
            if not wanted.specifier.contains(found, prereleases=True):
                unmet.append(f"{wanted.name}{wanted.specifier} ({found} is installed)")
    return unmet
