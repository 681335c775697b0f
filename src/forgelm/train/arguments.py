"""Translates the ``training`` section into TRL's arguments for the hardware that is here. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import DataError
from forgelm.config.training import TrainingConfig
from forgelm.model.hardware import Hardware
from forgelm.model.precision import Precision, recomputes_activations
from forgelm.train.galore import galore_arguments
from forgelm.train.objectives import OBJECTIVES


@dataclass(frozen=True)
class Plan:
    """What the arguments depend on besides ``training``. ``rows`` counts examples."""

    output_dir: str
    rows: int
    has_validation: bool
    max_length: int
    run_name: str
    hardware: Hardware
    precision: Precision


def build_arguments(training: TrainingConfig, plan: Plan) -> dict[str, Any]:
    """Return keyword arguments for the TRL configuration of the trainer."""
    on_gpu = plan.hardware.has_gpu
    return {
        "output_dir": plan.output_dir,
        "run_name": training.run_name or plan.run_name,
        "seed": training.seed,
        "data_seed": training.seed,
        "max_steps": training.max_steps,
        "num_train_epochs": training.num_train_epochs,
        "per_device_train_batch_size": training.per_device_train_batch_size,
        "per_device_eval_batch_size": training.per_device_eval_batch_size or training.per_device_train_batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "gradient_checkpointing": recomputes_activations(training, plan.hardware),
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.lr_scheduler_type,
        # transformers reads warmup_steps below 1 as a share of all steps; exactly 1 would mean one step.
        "warmup_steps": min(training.warmup_ratio, 0.999999),
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "optim": training.optim or ("adamw_torch_fused" if on_gpu else "adamw_torch"),
        "use_liger_kernel": training.use_liger_kernel,
        "torch_compile": training.torch_compile,
        "neftune_noise_alpha": training.neftune_noise_alpha,
        "bf16": plan.precision.autocast == "bf16",
        "fp16": plan.precision.autocast == "fp16",
        "use_cpu": plan.hardware.device == "cpu",
        # The order of rows is ours (order.py); this one is only TRL's for evaluation, where it does not matter.
        "train_sampling_strategy": "sequential",
        "dataloader_num_workers": training.dataloader_num_workers,
        "dataloader_pin_memory": on_gpu,
        "logging_steps": logging_steps(training, plan.rows),
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "report_to": list(training.trackers) or "none",
        "disable_tqdm": True,
        **galore_arguments(training),
        **_evaluation_arguments(training, plan),
        **OBJECTIVES[training.trainer_type](training, plan.max_length),
    }


def logging_steps(training: TrainingConfig, rows: int) -> int:
    """Return the optimizer steps between two loss reports: a hundredth of the rows, between 1 and 50."""
    return training.logging_steps or max(1, min(rows // 100, 50))


def keeps_best(training: TrainingConfig, plan: Plan) -> bool:
    """Tell whether the best checkpoint can be loaded at the end: every save must coincide with an evaluation.

    Raises:
        DataError: it was asked for, and there is nothing to measure.
    """
    if training.load_best_model_at_end and not plan.has_validation:
        raise DataError("training.load_best_model_at_end needs validation rows, and there are none")
    possible = (
        plan.has_validation and training.trainer_type != "grpo" and training.save_steps % training.eval_steps == 0
    )
    return possible and training.load_best_model_at_end is not False


def _evaluation_arguments(training: TrainingConfig, plan: Plan) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "save_strategy": "steps",
        "save_steps": training.save_steps,
        "save_total_limit": training.save_total_limit,
        "eval_strategy": "steps" if plan.has_validation else "no",
        "eval_steps": training.eval_steps if plan.has_validation else None,
        "prediction_loss_only": True,
    }
    if keeps_best(training, plan):
        arguments |= {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False}
    return arguments
