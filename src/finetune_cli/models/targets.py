"""Finds the modules of a model that an adapter goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finetune_cli.core.exceptions import TargetModulesNotFoundError
from finetune_cli.core.translate import model_errors
from finetune_cli.core.types import ModelConfig
from finetune_cli.models.sections import model_section
from forgelm.base.extras import load_extra
from forgelm.base.network import is_offline
from forgelm.config.root import ForgeConfig
from forgelm.model.load import loading_errors, resolve

_ATTENTION = (
    ("q_proj", "k_proj", "v_proj", "o_proj"),
    ("query", "key", "value", "dense"),
    ("qkv_proj", "out_proj"),
    ("query_key_value", "dense"),
    ("c_attn", "c_proj"),
    ("Wqkv", "out_proj"),
)


def detect_target_modules(model: Any) -> list[str]:
    """Return the names of the modules an adapter goes on: PEFT's own for this architecture, else the attention's.

    Raises:
        TargetModulesNotFoundError: the model has no module that is known to suit one.
    """
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    constants = load_extra("peft.utils.constants", extra="train")
    kind = getattr(getattr(model, "config", None), "model_type", "")
    known = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(kind) or ()
    for group in (tuple(known), *_ATTENTION):
        found = [name for name in group if name in names]
        if found and (group == tuple(known) or len(found) > 1):
            return found
    raise TargetModulesNotFoundError(kind or type(model).__name__, ())


def find_target_modules(config: ModelConfig, named: Sequence[str] | None) -> list[str]:
    """Return ``named``, or else those that suit the architecture; the weights are not loaded.

    Raises:
        ModelLoadError: the model's configuration cannot be read.
        TargetModulesNotFoundError: a named module does not exist, or none is known to suit an adapter.
    """
    model = load_skeleton(config)
    if named is None:
        return detect_target_modules(model)
    names = [name for name, _ in model.named_modules() if name]
    for target in named:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            linear = sorted(
                {name.rpartition(".")[2] for name in names if name.endswith(("proj", "attn", "fc1", "fc2"))}
            )
            hint = f"modules there are: {', '.join(linear)}" if linear else None
            raise TargetModulesNotFoundError(config.name, [target], hint=hint)
    return list(named)


def load_skeleton(config: ModelConfig) -> Any:
    """Return the model with its shapes and without its weights, in no memory to speak of.

    Raises:
        ModelLoadError: its configuration cannot be read.
    """
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    with model_errors(config.name):
        forge = ForgeConfig(
            model=model_section(config), lora={}, training={"report_to": "none"}, data={"dataset_name_or_path": "none"}
        )
        revision = resolve(forge)
        options = {"cache_dir": forge.model.cache_dir} if forge.model.cache_dir and not revision.is_local else {}
        with loading_errors(f"the configuration of {config.name}"), torch.device("meta"):
            found = transformers.AutoConfig.from_pretrained(
                revision.path,
                trust_remote_code=config.trust_remote_code,
                local_files_only=revision.is_local or is_offline(),
                **revision.load_options(),
                **options,
            )
            return transformers.AutoModelForCausalLM.from_config(found, trust_remote_code=config.trust_remote_code)
