"""A configuration of TRL's command to ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.assist.migrate.huggingface import move_training
from forgelm.assist.migrate.mover import Migration, Mover, names_of, target_modules

_DTYPES = ("float32", "float16", "bfloat16", "auto")
_MODEL = MappingProxyType(
    {
        "model_name_or_path": "model.name_or_path",
        "model_revision": "model.revision",
        "trust_remote_code": "model.trust_remote_code",
        "attn_implementation": "model.attn_implementation",
        "bnb_4bit_quant_type": "model.bnb_4bit_quant_type",
        "use_bnb_nested_quant": "model.bnb_4bit_use_double_quant",
        "max_length": "model.max_length",
        "max_seq_length": "model.max_length",
        "dataset_name": "data.dataset_name_or_path",
    }
)
_TRAINING = ("packing", "padding_free", "assistant_only_loss", "completion_only_loss", "dataset_num_proc")
_OBJECTIVES = MappingProxyType(
    {
        "sft": {},
        "dpo": {"beta": "dpo_beta", "loss_type": "loss_type", "label_smoothing": "label_smoothing"},
        "kto": {"beta": "kto_beta", "desirable_weight": "desirable_weight", "undesirable_weight": "undesirable_weight"},
        "orpo": {"beta": "orpo_beta"},
        "grpo": {
            "beta": "grpo_beta",
            "num_generations": "grpo_num_generations",
            "max_completion_length": "grpo_max_completion_length",
            "temperature": "grpo_temperature",
        },
    }
)
TRAINERS = tuple(_OBJECTIVES)


def migrate_trl(values: Mapping[str, Any], trainer: str = "sft") -> Migration:
    """Carry over the file of ``trl sft`` and its siblings; ``trainer`` is the command's name, which no file says."""
    mover = Mover(values)
    mover.put("training.trainer_type", trainer)
    mover.move_all(_MODEL)
    for key in ("dtype", "torch_dtype"):
        mover.move(key, "model.dtype", lambda value: value if value in _DTYPES else None)
    for name in _TRAINING:
        mover.move(name, f"training.{name}")
    for key, name in _OBJECTIVES[trainer].items():
        mover.move(key, f"training.{name}", _first)
    _move_adapter(mover)
    move_training(mover)
    for key in ("dataset_config", "dataset_train_split", "dataset_test_split", "dataset_streaming"):
        if mover.take(key) not in (None, "train", "test", False):
            mover.leave(key, "the dataset's own splits are read: train, and validation or test")
    return mover.finish("TRL")


def _move_adapter(mover: Mover) -> None:
    adapter = bool(mover.take("use_peft"))
    mover.put("model.load_in_4bit", bool(mover.take("load_in_4bit")))
    mover.drop("load_in_8bit", "base weights are loaded in 4 bits or in full")
    mover.move("lora_r", "lora.r")
    mover.move("lora_alpha", "lora.alpha")
    mover.move("lora_dropout", "lora.dropout")
    mover.move("lora_target_modules", "lora.target_modules", target_modules)
    mover.move("lora_modules_to_save", "lora.modules_to_save", names_of)
    mover.drop("lora_task_type", "every model here is a causal language model")
    for key, method in (("use_dora", "dora"), ("use_rslora", "rslora")):
        if mover.take(key):
            mover.put("lora.method", method)
    if not adapter:
        mover.train_all_weights()


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
