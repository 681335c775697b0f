"""The arguments of transformers' trainer, which several programs share, to ours."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from forgelm.assist.migrate.mover import Mover, whole_epochs

_SAME = (
    "output_dir",
    "max_steps",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "learning_rate",
    "weight_decay",
    "max_grad_norm",
    "warmup_ratio",
    "seed",
    "gradient_checkpointing",
    "logging_steps",
    "save_steps",
    "eval_steps",
    "save_total_limit",
    "dataloader_num_workers",
    "neftune_noise_alpha",
    "run_name",
)
_SCHEDULES = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
)
_OPTIMIZERS = MappingProxyType({"adamw_hf": "adamw_torch", "adamw_bnb_8bit": "adamw_bnb_8bit"})
_TRACKERS = ("tensorboard", "wandb", "mlflow", "none")
_NO_COUNTERPART = MappingProxyType(
    {
        "push_to_hub": "uploading is a command of its own: forgelm upload",
        "hub_model_id": "uploading is a command of its own: forgelm upload",
        "hub_token": "a token does not belong into a file: set HF_TOKEN",
        "resume_from_checkpoint": "resuming is an option of the command: --resume",
        "overwrite_output_dir": "nothing is overwritten",
        "do_train": "training is what the command does",
        "do_eval": "validation rows are always measured",
        "save_strategy": "models are saved every save_steps steps",
        "eval_strategy": "validation rows are measured every eval_steps steps",
        "evaluation_strategy": "validation rows are measured every eval_steps steps",
        "logging_dir": "the tracker's own place is taken",
        "deepspeed": "see the section distributed",
        "fsdp": "see the section distributed",
        "ddp_timeout": "not a setting here",
        "tf32": "not a setting here",
        "local_rank": "set by the launcher",
        "gradient_checkpointing_kwargs": "not a setting here",
    }
)


def move_training(mover: Mover) -> None:
    """Carry over every argument of transformers' trainer that there is."""
    for name in _SAME:
        mover.move(name, f"training.{name}")
    mover.move("num_train_epochs", "training.num_train_epochs", whole_epochs)
    mover.move("lr_scheduler_type", "training.lr_scheduler_type", lambda value: value if value in _SCHEDULES else None)
    mover.move("optim", "training.optim", lambda value: _OPTIMIZERS.get(value, value))
    mover.move("load_best_model_at_end", "training.load_best_model_at_end")
    move_precision(mover)
    move_tracker(mover, "report_to")
    move_warmup(mover)
    for name, reason in _NO_COUNTERPART.items():
        mover.drop(name, reason)


def move_precision(mover: Mover) -> None:
    """Carry over bf16 and fp16; ``auto`` is what happens where neither is written."""
    for name in ("bf16", "fp16"):
        value = mover.take(name)
        if isinstance(value, bool):
            mover.put(f"training.{name}", value)
        elif value not in (None, "auto"):
            mover.leave(name, f"the value {value!r} has no counterpart")


def move_tracker(mover: Mover, key: str) -> None:
    value = mover.take(key)
    wanted = [value] if isinstance(value, str) else list(value or ())
    known = [name for name in wanted if name in _TRACKERS]
    if known:
        mover.put("training.report_to", known[0])
    for name in wanted:
        if name not in known[:1]:
            mover.leave(key, f"of several trackers one is used, and {name} is not it")


def move_warmup(mover: Mover) -> None:
    """Carry over a number of warm-up steps as the share it is of all steps, where their number is known."""
    steps = mover.take("warmup_steps")
    if not steps:
        return
    total: Any = mover.section("training").get("max_steps")
    if isinstance(steps, float) and steps < 1:
        mover.put("training.warmup_ratio", steps)
    elif total and total > 0:
        mover.put("training.warmup_ratio", min(round(steps / total, 6), 1.0))
    else:
        mover.leave("warmup_steps", "warming up takes a share of the steps: write training.warmup_ratio")
