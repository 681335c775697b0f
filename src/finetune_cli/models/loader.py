"""Loads a model and its tokenizer as configured."""

from __future__ import annotations

from typing import Any

from finetune_cli.core.exceptions import UnsupportedModelError
from finetune_cli.core.translate import model_errors
from finetune_cli.core.types import ModelConfig
from finetune_cli.models.sections import choose_device, load_precision, model_section
from finetune_cli.models.targets import detect_target_modules
from forgelm.base.extras import is_installed, load_extra
from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import Hardware
from forgelm.model.load import check_vocabulary, load_base, load_tokenizer, loading_errors, resolve
from forgelm.model.revision import Revision

__all__ = ["detect_target_modules", "load_model_and_tokenizer"]


def load_model_and_tokenizer(config: ModelConfig) -> tuple[Any, Any]:
    """Return the model on its device, and a tokenizer that can pad.

    Raises:
        ModelNotFoundError: there is no such folder or repository.
        ModelLoadError: it cannot be loaded as configured.
        CUDANotAvailableError: ``device`` is cuda and there is none.
    """
    with model_errors(config.name):
        hardware = choose_device(config)
        _check_quantisation(config)
        forge = ForgeConfig(
            model=model_section(config), lora={}, training={"report_to": "none"}, data={"dataset_name_or_path": "none"}
        )
        revision = resolve(forge)
        tokenizer = load_tokenizer(forge, revision)
        if config.load_in_8bit:
            model = _load_8bit(config, forge, revision, hardware)
        else:
            model = load_base(forge, revision, load_precision(config, hardware), hardware)
        check_vocabulary(model, tokenizer, config.name)
    if hardware.device == "mps":
        model = model.to("mps")
    # An adapter names its base by this; a folder inside a package would mean nothing elsewhere.
    model.name_given = config.name
    return model, tokenizer


def _check_quantisation(config: ModelConfig) -> None:
    if (config.load_in_4bit or config.load_in_8bit) and not is_installed("bitsandbytes"):
        asked = "load_in_4bit" if config.load_in_4bit else "load_in_8bit"
        raise UnsupportedModelError(
            config.name, f"{asked} needs bitsandbytes, which is not installed", hint="pip install 'forgelm[qlora]'"
        )


def _load_8bit(config: ModelConfig, forge: ForgeConfig, revision: Revision, hardware: Hardware) -> Any:
    transformers = load_extra("transformers", extra="train")
    torch = load_extra("torch", extra="train")
    precision = load_precision(config, hardware)
    options: dict[str, Any] = {"cache_dir": forge.model.cache_dir} if forge.model.cache_dir else {}
    if forge.model.attn_implementation:
        options["attn_implementation"] = forge.model.attn_implementation
    if revision.is_local or forge.model.offline:
        options["local_files_only"] = True
    with loading_errors(f"the model {config.name}"):
        return transformers.AutoModelForCausalLM.from_pretrained(
            revision.path,
            quantization_config=transformers.BitsAndBytesConfig(load_in_8bit=True),
            dtype=getattr(torch, precision.load_dtype),
            device_map={"": 0} if hardware.has_gpu else {"": "cpu"},
            trust_remote_code=config.trust_remote_code,
            use_safetensors=True,
            **revision.load_options(),
            **options,
        )
