"""A configuration of the command ``finetune-cli`` to one of ``forgelm``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.assist.migrate.mover import Migration, Mover

_KEYS = MappingProxyType(
    {
        "model.name": "model.name_or_path",
        "model.trust_remote_code": "model.trust_remote_code",
        "model.revision": "model.revision",
        "model.cache_dir": "model.cache_dir",
        "dataset.path": "data.dataset_name_or_path",
        "dataset.shuffle": "data.shuffle",
        "tokenization.max_length": "model.max_length",
        "lora.r": "lora.r",
        "lora.lora_alpha": "lora.alpha",
        "lora.lora_dropout": "lora.dropout",
        "lora.bias": "lora.bias",
        "training.output_dir": "training.output_dir",
        "training.num_epochs": "training.num_train_epochs",
        "training.batch_size": "training.per_device_train_batch_size",
        "training.gradient_accumulation_steps": "training.gradient_accumulation_steps",
        "training.learning_rate": "training.learning_rate",
        "training.weight_decay": "training.weight_decay",
        "training.warmup_ratio": "training.warmup_ratio",
        "training.lr_scheduler_type": "training.lr_scheduler_type",
        "training.max_grad_norm": "training.max_grad_norm",
        "training.logging_steps": "training.logging_steps",
        "training.save_steps": "training.save_steps",
        "training.seed": "training.seed",
        "training.gradient_checkpointing": "training.gradient_checkpointing",
    }
)
# What finetune-cli takes where nothing is written and this program would take something else.
_DEFAULTS = MappingProxyType(
    {
        "tokenization.max_length": 512,
        "lora.lora_alpha": 32,
        "training.gradient_accumulation_steps": 4,
        "training.learning_rate": 2e-4,
        "training.lr_scheduler_type": "cosine",
        "training.logging_steps": 10,
    }
)
_METHODS = ("lora", "qlora", "instruction_tuning", "full_finetuning")
_NO_COUNTERPART = MappingProxyType(
    {
        "dataset.max_samples": "every row is read; cut the file",
        "dataset.streaming": "rows are read whole",
        "dataset.config_name": "not a setting of a dataset here",
        "dataset.data_files": "name the file, or a folder with train and validation files",
        "model.load_in_8bit": "base weights are loaded in 4 bits or in full",
        "lora.fan_in_fan_out": "found from the layers",
    }
)


def migrate_finetune_cli(values: Mapping[str, Any]) -> Migration:
    """Carry over a file of ``finetune-cli train``, its defaults included."""
    flat = {f"{name}.{key}": value for name, section in values.items() for key, value in (section or {}).items()}
    mover = Mover(dict(_DEFAULTS) | flat)
    mover.put("training.trainer_type", "sft")
    mover.put("training.report_to", "none")
    mover.move_all(_KEYS)
    _move_model(mover)
    _move_dataset(mover)
    method = mover.take("training.method")
    if method not in _METHODS:
        mover.leave("training.method", f"there is no method {method!r}; an adapter is trained")
    modules = mover.take("lora.target_modules")
    mover.put("lora.target_modules", modules or "all-linear")
    if not modules:
        mover.note("lora.target_modules: finetune-cli chooses by the architecture; here every linear layer is taken")
    weights = mover.take("lora.init_lora_weights", True)
    if weights == "pissa":
        mover.put("lora.method", "pissa")
    elif weights is not True:
        mover.leave("lora.init_lora_weights", f"the value {weights!r} has no counterpart")
    if method == "instruction_tuning":
        mover.note("instructions are written with the model's own chat template, not with headings")
    if method == "full_finetuning":
        mover.train_all_weights()
    _move_strategies(mover)
    for name in ("fp16", "bf16"):
        if mover.take(f"training.{name}"):
            mover.put(f"training.{name}", True)
    for key, reason in _NO_COUNTERPART.items():
        mover.drop(key, reason)
    for key in [key for key in flat if key.startswith("evaluation.")]:
        mover.drop(key, "metrics are a command of their own: finetune-cli evaluate")
    return mover.finish("finetune-cli")


def _move_model(mover: Mover) -> None:
    mover.put("model.load_in_4bit", bool(mover.take("model.load_in_4bit")))
    if mover.take("model.use_flash_attention"):
        mover.put("model.attn_implementation", "flash_attention_2")
    dtype = mover.take("model.torch_dtype")
    if dtype not in (None, "auto"):
        mover.put("model.dtype", dtype)
    if mover.take("model.device") not in (None, "auto"):
        mover.leave("model.device", "the hardware is found")


def _move_dataset(mover: Mover) -> None:
    mover.take("dataset.source")
    if mover.take("dataset.split") not in (None, "train"):
        mover.leave("dataset.split", "the training split is read")
    columns = mover.take("dataset.text_columns")
    if columns and len(columns) == 1:
        mover.put("data.format", "text")
        if columns[0] != "text":
            mover.put("data.columns", {"text": columns[0]})
    elif columns:
        mover.leave("dataset.text_columns", "one column holds the text here; join them in the file")
    if mover.take("dataset.seed") not in (None, mover.section("training").get("seed", 42)):
        mover.leave("dataset.seed", "one seed decides the whole run: training.seed")
    mover.put("data.max_tokens_lost", 1.0 if mover.take("tokenization.truncation", True) else 0.0)
    mover.take("tokenization.padding")  # rows are padded to the longest of their batch; the loss is the same
    mover.take("tokenization.return_attention_mask")
    if mover.take("tokenization.add_special_tokens") is False:
        mover.leave("tokenization.add_special_tokens", "the special tokens are always added")


def _move_strategies(mover: Mover) -> None:
    for key, steps in (("save_strategy", "save_steps"), ("evaluation_strategy", "eval_steps")):
        value = mover.take(f"training.{key}")
        if value == "epoch":
            mover.note(f"training.{key}: epoch: write the steps of an epoch in training.{steps}")
        elif value in ("no", False):
            mover.put(f"training.{steps}", 10**9)
    if mover.take("training.load_best_model_at_end"):
        mover.put("training.load_best_model_at_end", True)
