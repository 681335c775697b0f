"""A configuration of Axolotl to ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.assist.migrate.huggingface import move_training
from forgelm.assist.migrate.mover import Migration, Mover, names_of, share_of_rows, target_modules

_KEYS = MappingProxyType(
    {
        "base_model": "model.name_or_path",
        "revision_of_model": "model.revision",
        "trust_remote_code": "model.trust_remote_code",
        "sequence_len": "model.max_length",
        "attn_implementation": "model.attn_implementation",
        "lora_r": "lora.r",
        "lora_alpha": "lora.alpha",
        "lora_dropout": "lora.dropout",
        "sample_packing": "training.packing",
        "rl_beta": "training.dpo_beta",
        "early_stopping_patience": "training.early_stopping_patience",
    }
)
_RENAMED = MappingProxyType(
    {
        "micro_batch_size": "per_device_train_batch_size",
        "eval_batch_size": "per_device_eval_batch_size",
        "num_epochs": "num_train_epochs",
        "optimizer": "optim",
        "lr_scheduler": "lr_scheduler_type",
        "wandb_name": "run_name",
    }
)
_ATTENTION = MappingProxyType(
    {"flash_attention": "flash_attention_2", "sdp_attention": "sdpa", "eager_attention": "eager"}
)
_TYPES = MappingProxyType(
    {"alpaca": "alpaca", "chat_template": "messages", "sharegpt": "sharegpt", "completion": "text"}
)
_RL = ("dpo", "kto", "orpo", "simpo", "grpo")
_FIELDS = MappingProxyType({"field_messages": "messages", "field": "text", "field_instruction": "instruction"})
_NO_COUNTERPART = MappingProxyType(
    {
        "model_type": "the model's own class is found",
        "tokenizer_type": "the model's own tokenizer is found",
        "strict": "only whole states are loaded",
        "dataset_prepared_path": "rows are tokenised anew, which is quick",
        "pad_to_sequence_len": "rows are padded to the longest of their batch; the loss is the same",
        "eval_sample_packing": "validation rows are measured one by one",
        "wandb_project": "set WANDB_PROJECT",
        "saves_per_epoch": "write training.save_steps",
        "evals_per_epoch": "write training.eval_steps",
        "special_tokens": "the tokenizer's own are used",
        "chat_template": "the model's own template is used",
        "load_in_8bit": "base weights are loaded in 4 bits or in full",
        "lora_fan_in_fan_out": "found from the layers",
        "lora_model_dir": "an adapter begins anew",
    }
)


def migrate_axolotl(values: Mapping[str, Any]) -> Migration:
    """Carry over a file of ``axolotl train``."""
    renamed = {_RENAMED.get(key, key): value for key, value in values.items()}
    mover = Mover(renamed)
    rl = mover.take("rl")
    if rl is not None and rl not in _RL:
        mover.leave("rl", f"there is no trainer for {rl!r}")
    mover.put("training.trainer_type", rl if rl in _RL else "sft")
    mover.move_all(_KEYS)
    _move_attention(mover)
    _move_adapter(mover)
    _move_datasets(mover)
    mover.move("val_set_size", "data.validation_split_ratio", share_of_rows)
    if mover.take("train_on_inputs"):
        mover.put("training.assistant_only_loss", False)
        mover.put("training.completion_only_loss", False)
    if mover.take("group_by_length"):
        mover.put("training.train_sampling_strategy", "group_by_length")
    if "wandb_project" in values and values["wandb_project"] and "report_to" not in values:
        mover.put("training.report_to", "wandb")
    move_training(mover)
    for key, reason in _NO_COUNTERPART.items():
        mover.drop(key, reason)
    return mover.finish("Axolotl")


def _move_attention(mover: Mover) -> None:
    for key, name in _ATTENTION.items():
        if mover.take(key):
            mover.put("model.attn_implementation", name)


def _move_adapter(mover: Mover) -> None:
    adapter = mover.take("adapter")
    four_bit = bool(mover.take("load_in_4bit"))
    mover.put("model.load_in_4bit", four_bit)
    linear = bool(mover.take("lora_target_linear"))
    mover.move("lora_target_modules", "lora.target_modules", target_modules)
    if linear:
        mover.put("lora.target_modules", "all-linear")
    mover.move("lora_modules_to_save", "lora.modules_to_save", names_of)
    for key, method in (("peft_use_dora", "dora"), ("peft_use_rslora", "rslora")):
        if mover.take(key):
            mover.put("lora.method", method)
    if adapter is None:
        mover.train_all_weights()
    elif adapter not in ("lora", "qlora"):
        mover.leave("adapter", f"there is no adapter {adapter!r} here; lora is used")


def _move_datasets(mover: Mover) -> None:
    paths = []
    shapes = set()
    columns: dict[str, str] = {}
    for number, entry in enumerate(mover.take("datasets", [])):
        left = dict(entry) if isinstance(entry, dict) else {"path": entry}
        paths.append(str(left.pop("path", "")))
        kind = left.pop("type", None)
        known = _TYPES.get(str(kind).partition(".")[0]) if isinstance(kind, str) else None
        if kind is not None and known is None:
            mover.leave(f"datasets[{number}].type", "rows of this shape are not known; see data.columns")
        shapes.add(known)
        for field, ours in _FIELDS.items():
            if field in left:
                columns[ours] = str(left.pop(field))
        for key, value in left.items():
            if value is not None:
                mover.leave(f"datasets[{number}].{key}", "not a setting of a dataset here")
    if not paths:
        return
    mover.put("data.dataset_name_or_path", paths[0])
    if paths[1:]:
        mover.put("data.extra_datasets", paths[1:])
    shape = next(iter(shapes)) if len(shapes) == 1 else None
    if shape:
        mover.put("data.format", shape)
    if columns:
        mover.put("data.columns", {ours: column for ours, column in columns.items() if ours != column})
