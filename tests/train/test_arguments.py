"""Every field of ``training`` reaches the argument of TRL it stands for, and TRL takes them all."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import trl
from pydantic import ValidationError

from forgelm.base.errors import DataError
from forgelm.config.galore import GaloreConfig
from forgelm.config.objectives import READ_BY
from forgelm.config.training import TrainingConfig
from forgelm.model.hardware import Hardware
from forgelm.model.precision import Precision
from forgelm.train.arguments import Plan, build_arguments, keeps_best, logging_steps

CPU = Hardware("cpu", bf16=False, fp16=False)
GPU = Hardware("cuda", bf16=True, fp16=True, gpu_names=("NVIDIA L4",))
FP32 = Precision("float32", None, four_bit=False, compute_dtype="float32")
PLAN = Plan(
    output_dir="run",
    rows=1000,
    has_validation=True,
    max_length=256,
    run_name="ember_finetune",
    hardware=CPU,
    precision=FP32,
)

# field, value the user writes, argument of TRL, value it must get
FORWARDED = [
    ("max_steps", 7, "max_steps", 7),
    ("num_train_epochs", 5, "num_train_epochs", 5),
    ("per_device_train_batch_size", 3, "per_device_train_batch_size", 3),
    ("per_device_train_batch_size", 3, "per_device_eval_batch_size", 3),
    ("per_device_eval_batch_size", 9, "per_device_eval_batch_size", 9),
    ("gradient_accumulation_steps", 6, "gradient_accumulation_steps", 6),
    ("learning_rate", 3e-3, "learning_rate", 3e-3),
    ("lr_scheduler_type", "cosine", "lr_scheduler_type", "cosine"),
    ("warmup_ratio", 0.25, "warmup_steps", 0.25),
    ("weight_decay", 0.5, "weight_decay", 0.5),
    ("max_grad_norm", 0.3, "max_grad_norm", 0.3),
    ("optim", "adafactor", "optim", "adafactor"),
    ("seed", 7, "seed", 7),
    ("seed", 7, "data_seed", 7),
    ("gradient_checkpointing", True, "gradient_checkpointing", True),
    ("eval_steps", 11, "eval_steps", 11),
    ("save_steps", 13, "save_steps", 13),
    ("save_total_limit", 1, "save_total_limit", 1),
    ("logging_steps", 17, "logging_steps", 17),
    ("packing", True, "packing", True),
    ("padding_free", True, "padding_free", True),
    ("padding_free", True, "max_length", None),
    ("packing", True, "dataset_kwargs", {"skip_prepare_dataset": False}),
    ("loss_type", "hinge", "loss_type", ["hinge"]),
    ("dpo_beta", 0.3, "beta", 0.3),
    ("precompute_ref_log_probs", True, "precompute_ref_log_probs", True),
    ("label_smoothing", 0.2, "label_smoothing", 0.2),
    ("simpo_beta", 3.0, "beta", 3.0),
    ("simpo_gamma", 0.9, "simpo_gamma", 0.9),
    ("orpo_beta", 0.3, "beta", 0.3),
    ("kto_beta", 0.3, "beta", 0.3),
    ("desirable_weight", 2.0, "desirable_weight", 2.0),
    ("undesirable_weight", 2.0, "undesirable_weight", 2.0),
    ("grpo_num_generations", 8, "num_generations", 8),
    ("grpo_max_completion_length", 9, "max_completion_length", 9),
    ("grpo_temperature", 0.5, "temperature", 0.5),
    ("grpo_top_p", 0.5, "top_p", 0.5),
    ("grpo_top_k", 5, "top_k", 5),
    ("grpo_beta", 0.04, "beta", 0.04),
    ("use_liger_kernel", True, "use_liger_kernel", True),
    ("torch_compile", True, "torch_compile", True),
    ("neftune_noise_alpha", 5.0, "neftune_noise_alpha", 5.0),
    ("dataloader_num_workers", 2, "dataloader_num_workers", 2),
    ("dataset_num_proc", 2, "dataset_num_proc", 2),
    ("report_to", "none", "report_to", "none"),
    ("report_to", ["wandb", "mlflow"], "report_to", ["wandb", "mlflow"]),
    ("run_name", "mine", "run_name", "mine"),
]
# What these decide is done before or beside TRL's arguments.
USED_ELSEWHERE = {
    "load_best_model_at_end",
    "stop_on",
    "determinism",
    "preemption_grace_seconds",
    "train_sampling_strategy",
    "grpo_rewards",
    "grpo_reward_weights",
    "grpo_reward_model",
    "grpo_reward_model_revision",
    "output_dir",
    "final_model_dir",
    "merge_adapters",
    "trainer_type",
    "bf16",
    "fp16",
    "early_stopping_patience",
    "sample_packing",
    "assistant_only_loss",
    "completion_only_loss",
    "rope_scaling",
    "sliding_window_attention",
    "gpu_cost_per_hour",
    "sample_prompts",
    "sample_max_new_tokens",
    "memory_probe",
    "oom_recovery",
    "oom_recovery_min_batch_size",
}


def arguments(plan: Plan = PLAN, **training: Any) -> dict[str, Any]:
    # A field of one trainer is looked at with that trainer.
    name = next(iter(training), "")
    trainer = READ_BY[name][0] if name in READ_BY else "sft"
    return build_arguments(TrainingConfig(**{"trainer_type": trainer, **training}), plan)


def defaults_beside(name: str) -> dict[str, Any]:
    return arguments(trainer_type=READ_BY[name][0]) if name in READ_BY else arguments()


def test_no_field_is_accepted_and_then_ignored() -> None:
    forwarded = {name for name, *_ in FORWARDED}
    # GaLore's are each shown to change a training in test_galore.py.
    assert forwarded | USED_ELSEWHERE | set(GaloreConfig.model_fields) == set(TrainingConfig.model_fields)
    assert forwarded.isdisjoint(USED_ELSEWHERE)


@pytest.mark.parametrize(("name", "value", "argument", "passed_on"), FORWARDED)
def test_a_field_changes_its_argument(name: str, value: Any, argument: str, passed_on: Any) -> None:
    assert arguments(**{name: value})[argument] == passed_on
    assert defaults_beside(name)[argument] != passed_on


@pytest.mark.parametrize(("name", "value", "argument", "passed_on"), FORWARDED)
def test_a_field_changes_nothing_else(name: str, value: Any, argument: str, passed_on: Any) -> None:
    changed, default = arguments(**{name: value}), defaults_beside(name)
    meant = {target for field, _, target, _ in FORWARDED if field == name}
    follow = {"eval_steps": {"load_best_model_at_end", "metric_for_best_model", "greater_is_better"}}
    follow["save_steps"] = follow["eval_steps"]
    different = {key for key in changed.keys() | default.keys() if changed.get(key) != default.get(key)}
    assert different <= meant | follow.get(name, set())


@pytest.mark.parametrize("has_validation", [True, False])
@pytest.mark.parametrize("packing", [True, False])
def test_trl_takes_every_argument_as_it_is(has_validation: bool, packing: bool) -> None:
    made = arguments(replace(PLAN, has_validation=has_validation), packing=packing, report_to="none")
    config = trl.SFTConfig(**made)
    assert set(made) <= {field.name for field in fields(config)}
    kept = {name: getattr(config, name) for name in made if name not in ("report_to", "eval_steps")}
    assert kept == {name: made[name] for name in kept}
    assert config.report_to == []


@pytest.mark.parametrize(
    ("ratio", "total", "steps"), [(0.0, 100, 0), (0.1, 100, 10), (0.1, 5, 1), (0.5, 100, 50), (1.0, 100, 100)]
)
def test_the_warm_up_is_a_share_of_the_steps(ratio: float, total: int, steps: int) -> None:
    config = trl.SFTConfig(**arguments(warmup_ratio=ratio, report_to="none"))
    assert config.get_warmup_steps(total) == steps


def test_what_does_not_come_from_the_section_comes_from_the_plan() -> None:
    made = arguments()
    assert (made["output_dir"], made["run_name"], made["max_length"]) == ("run", "ember_finetune", 256)


def test_hardware_decides_what_the_user_left_open() -> None:
    on_cpu, on_gpu = arguments(), arguments(replace(PLAN, hardware=GPU))
    for name, cpu, gpu in (
        ("use_cpu", True, False),
        ("gradient_checkpointing", False, True),
        ("optim", "adamw_torch", "adamw_torch_fused"),
        ("dataloader_pin_memory", False, True),
    ):
        assert (on_cpu[name], on_gpu[name]) == (cpu, gpu)
    assert arguments(replace(PLAN, hardware=GPU), gradient_checkpointing=False)["gradient_checkpointing"] is False


@pytest.mark.parametrize(
    ("autocast", "bf16", "fp16"), [("bf16", True, False), ("fp16", False, True), (None, False, False)]
)
def test_mixed_precision_is_what_was_decided_not_what_was_asked(autocast: str | None, bf16: bool, fp16: bool) -> None:
    made = arguments(replace(PLAN, hardware=GPU, precision=replace(FP32, autocast=autocast)))
    assert (made["bf16"], made["fp16"]) == (bf16, fp16)


@pytest.mark.parametrize(
    ("save_steps", "eval_steps", "has_validation", "keeps"),
    [
        (200, 200, True, True),
        (400, 200, True, True),
        (300, 200, True, False),
        (100, 200, True, False),
        (200, 200, False, False),
    ],
)
def test_the_best_checkpoint_is_kept_where_every_save_has_an_evaluation(
    save_steps: int, eval_steps: int, has_validation: bool, keeps: bool
) -> None:
    training = TrainingConfig(save_steps=save_steps, eval_steps=eval_steps)
    plan = replace(PLAN, has_validation=has_validation)
    assert keeps_best(training, plan) is keeps
    made = build_arguments(training, plan)
    assert made.get("load_best_model_at_end", False) is keeps
    if keeps:
        assert (made["metric_for_best_model"], made["greater_is_better"]) == ("eval_loss", False)


def test_the_last_checkpoint_is_kept_where_the_user_says_so() -> None:
    training = TrainingConfig(save_steps=200, eval_steps=200, load_best_model_at_end=False)
    assert not keeps_best(training, PLAN)
    assert "load_best_model_at_end" not in build_arguments(training, PLAN)


def test_the_best_checkpoint_cannot_be_kept_where_saves_are_not_measured() -> None:
    with pytest.raises(ValidationError, match="eval_steps"):
        TrainingConfig(save_steps=300, eval_steps=200, load_best_model_at_end=True)
    with pytest.raises(DataError, match="validation rows"):
        keeps_best(
            TrainingConfig(save_steps=200, eval_steps=200, load_best_model_at_end=True),
            replace(PLAN, has_validation=False),
        )


def test_without_validation_rows_nothing_is_evaluated() -> None:
    made = arguments(replace(PLAN, has_validation=False))
    assert (made["eval_strategy"], made["eval_steps"], made["save_strategy"]) == ("no", None, "steps")


@pytest.mark.parametrize(("rows", "steps"), [(0, 1), (1, 1), (99, 1), (250, 2), (4999, 49), (5000, 50), (10**9, 50)])
def test_the_loss_is_reported_more_often_for_small_data(rows: int, steps: int) -> None:
    assert logging_steps(TrainingConfig(), rows) == steps
    assert logging_steps(TrainingConfig(logging_steps=3), rows) == 3


def test_nothing_is_printed_shuffled_or_filtered_behind_our_back() -> None:
    made = arguments()
    assert made["disable_tqdm"]
    assert made["shuffle_dataset"] is False
    assert made["logging_nan_inf_filter"] is False
