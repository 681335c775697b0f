"""Every field: its default is the contract's, and a value outside its type, range or choices is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config import ForgeConfig

DEFAULTS = {
    "model": {
        "max_length": 2048,
        "load_in_4bit": True,
        "backend": "transformers",
        "trust_remote_code": False,
        "offline": False,
        "revision": None,
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_quant_type": "nf4",
        "moe": None,
        "multimodal": None,
        "bnb_4bit_compute_dtype": "auto",
        "attn_implementation": None,
        "cache_dir": None,
        "dtype": "auto",
    },
    "lora": {
        "r": 8,
        "alpha": 16,
        "dropout": 0.1,
        "bias": "none",
        "method": "lora",
        "use_dora": False,
        "use_rslora": False,
        "target_modules": ["q_proj", "v_proj"],
        "modules_to_save": None,
        "task_type": "CAUSAL_LM",
    },
    "training": {
        "output_dir": "./checkpoints",
        "final_model_dir": "final_model",
        "merge_adapters": False,
        "trainer_type": "sft",
        "loss_type": "sigmoid",
        "dpo_beta": 0.1,
        "precompute_ref_log_probs": None,
        "label_smoothing": 0.0,
        "simpo_beta": 2.0,
        "simpo_gamma": 0.5,
        "orpo_beta": 0.1,
        "kto_beta": 0.1,
        "desirable_weight": 1.0,
        "undesirable_weight": 1.0,
        "grpo_num_generations": 4,
        "grpo_max_completion_length": 512,
        "grpo_temperature": 1.0,
        "grpo_top_p": 1.0,
        "grpo_top_k": 0,
        "grpo_beta": 0.0,
        "grpo_rewards": None,
        "grpo_reward_weights": None,
        "grpo_reward_model": None,
        "grpo_reward_model_revision": None,
        "max_steps": -1,
        "num_train_epochs": 3,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": None,
        "gradient_accumulation_steps": 2,
        "learning_rate": 2e-5,
        "lr_scheduler_type": "linear",
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "optim": None,
        "seed": 42,
        "stop_on": [],
        "determinism": "seeded",
        "preemption_grace_seconds": None,
        "bf16": None,
        "fp16": None,
        "gradient_checkpointing": None,
        "oom_recovery": False,
        "oom_recovery_min_batch_size": 1,
        "memory_probe": None,
        "eval_steps": 200,
        "save_steps": 200,
        "load_best_model_at_end": None,
        "save_total_limit": 3,
        "logging_steps": None,
        "early_stopping_patience": 3,
        "packing": False,
        "padding_free": None,
        "sample_packing": False,
        "assistant_only_loss": None,
        "completion_only_loss": None,
        "train_sampling_strategy": None,
        "use_liger_kernel": False,
        "torch_compile": False,
        "galore_enabled": False,
        "galore_optim": "galore_adamw",
        "galore_rank": 128,
        "galore_update_proj_gap": 200,
        "galore_scale": 0.25,
        "galore_proj_type": "std",
        "galore_target_modules": None,
        "neftune_noise_alpha": None,
        "rope_scaling": None,
        "sliding_window_attention": None,
        "dataloader_num_workers": 0,
        "dataset_num_proc": None,
        "report_to": "tensorboard",
        "sample_prompts": 0,
        "sample_max_new_tokens": 64,
        "run_name": None,
        "gpu_cost_per_hour": None,
    },
    "data": {
        "extra_datasets": None,
        "mix_ratio": None,
        "shuffle": True,
        "clean_text": True,
        "add_eos": True,
        "governance": None,
        "format": "auto",
        "columns": {},
        "validation_split_ratio": None,
        "max_tokens_lost": 0.01,
    },
    "auth": {"hf_token": None},
    "evaluation": {
        "auto_revert": False,
        "max_acceptable_loss": None,
        "baseline_loss": None,
        "min_reward": None,
        "loss_gate_on": "point",
        "text": None,
        "safety": None,
        "benchmark": None,
        "memorisation": None,
        "on_inconclusive": "hold",
        "require_human_approval": False,
        "approval": None,
        "llm_judge": None,
        "staging_ttl_days": None,
    },
    "retention": {
        "audit_log_retention_days": 1825,
        "staging_ttl_days": 7,
        "ephemeral_artefact_retention_days": 90,
        "raw_documents_retention_days": 90,
        "enforce": "log_only",
    },
    "compliance": {
        "provider_name": "",
        "provider_contact": "",
        "system_name": "",
        "intended_purpose": "",
        "known_limitations": "",
        "system_version": "",
        "risk_classification": "minimal-risk",
        **dict.fromkeys(("previous_versions", "declared_by", "declared_on", "gpai")),
        "annex_iv": {},
    },
    "risk_assessment": {
        "intended_use": "",
        "foreseeable_misuse": [],
        "risk_category": "minimal-risk",
        "mitigation_measures": [],
        "vulnerable_groups_considered": False,
    },
}
_DECLARED = (
    *("design_choices", "data_preparation", "assumptions", "suitability", "bias_examination", "bias_measures"),
    *("gaps", "representativeness", "setting"),
)
GOVERNANCE = {
    "collection_method": "",
    "annotation_process": "",
    "known_biases": "",
    "personal_data_included": False,
    "dpia_completed": False,
    **dict.fromkeys(_DECLARED),
    "datasets": [],
}
REQUIRED = {"model": {"name_or_path"}, "data": {"dataset_name_or_path"}}

REFUSED: list[tuple[str, Any]] = [
    *[("model.name_or_path", value) for value in ("", "  ", "a\0b", "a\nb", None, 3, True, ["x"])],
    *[("model.max_length", value) for value in (0, -1, 1.5, "many", True, None)],
    *[("model.load_in_4bit", value) for value in ("maybe", 2, None, [])],
    *[("model.backend", value) for value in ("unslot", "jax", None)],
    *[("model.trust_remote_code", value) for value in ("perhaps", None)],
    *[("model.offline", value) for value in ("perhaps", None)],
    *[("model.revision", value) for value in ("", "a b", "-x", "a\tb", "a\x07", "x" * 256, 7)],
    *[("model.bnb_4bit_use_double_quant", value) for value in ("perhaps", None)],
    *[("model.bnb_4bit_quant_type", value) for value in ("int4", None, 4)],
    *[("model.bnb_4bit_compute_dtype", value) for value in ("half", None)],
    *[("model.attn_implementation", value) for value in ("", 1)],
    *[("model.cache_dir", value) for value in ("", 1)],
    *[("model.dtype", value) for value in ("half", 32, None)],
    *[("training.load_best_model_at_end", value) for value in ("best", 2)],
    *[("lora.r", value) for value in (0, -8, 1.5, True)],
    *[("lora.alpha", value) for value in (0, False)],
    *[("lora.dropout", value) for value in (-0.1, 1.1, "some", True)],
    *[("lora.bias", value) for value in ("some", None, True)],
    *[("lora.method", value) for value in ("qlora", None)],
    *[("lora.use_dora", value) for value in ("perhaps", None)],
    *[("lora.use_rslora", value) for value in ("perhaps", None)],
    *[("lora.target_modules", value) for value in ("q_proj", [], [1], [""], None, {"q": 1})],
    *[("lora.modules_to_save", value) for value in ("embed_tokens", [], [1])],
    *[("lora.task_type", value) for value in ("SEQ_CLS", None)],
    *[("training.output_dir", value) for value in ("", None, 1)],
    *[
        ("training.final_model_dir", value)
        for value in (
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "/a",
            "x.",
            "compliance",
            "Quarantine",
            "review",
            "checkpoint-3",
            None,
        )
    ],
    *[("training.merge_adapters", value) for value in ("perhaps", None)],
    *[("training.trainer_type", value) for value in ("rlhf", None)],
    *[("training.loss_type", value) for value in ("kto", ["sigmoid"], None)],
    *[
        (f"training.{name}", value)
        for name in ("dpo_beta", "simpo_beta", "orpo_beta", "kto_beta", "desirable_weight", "undesirable_weight")
        for value in (0, -1, "much", True, None)
    ],
    *[("training.precompute_ref_log_probs", value) for value in ("perhaps", 2)],
    *[("training.label_smoothing", value) for value in (-0.1, 0.5, None)],
    *[("training.simpo_gamma", value) for value in (-0.1, None)],
    *[("training.grpo_num_generations", value) for value in (1, 2.5, None)],
    *[("training.grpo_max_completion_length", value) for value in (0, None)],
    *[("training.grpo_temperature", value) for value in (0, None)],
    *[("training.grpo_top_p", value) for value in (0, 1.1, None)],
    *[("training.grpo_top_k", value) for value in (-1, 0.5, None)],
    *[("training.grpo_beta", value) for value in (-0.1, None)],
    *[("training.grpo_rewards", value) for value in ([], [1], 3)],
    *[("training.grpo_reward_weights", value) for value in ([1.0], "x", [0])],
    *[("training.grpo_reward_model", value) for value in ("", 1)],
    *[("training.grpo_reward_model_revision", value) for value in ("", "a b", "main")],
    *[("training.max_steps", value) for value in (-2, 0.5, None)],
    *[("training.num_train_epochs", value) for value in (0, 2.5, True, None)],
    *[("training.per_device_train_batch_size", value) for value in (0, None)],
    *[("training.per_device_eval_batch_size", value) for value in (0, "all")],
    *[("training.gradient_accumulation_steps", value) for value in (0, None)],
    *[("training.learning_rate", value) for value in (0, -1e-5, float("nan"), float("inf"), "fast", True, None)],
    *[("training.lr_scheduler_type", value) for value in ("sine", "cosine_with_min_lr", None)],
    *[("training.warmup_ratio", value) for value in (-0.1, 1.5, None)],
    *[("training.weight_decay", value) for value in (-1, None)],
    *[("training.max_grad_norm", value) for value in (-1, None)],
    *[("training.optim", value) for value in ("adam", "galore_adamw", 3)],
    *[("training.seed", value) for value in (-1, 2**32, 1.5, None, True)],
    *[("training.stop_on", value) for value in ("slowdown", ["nan"], None)],
    *[("training.determinism", value) for value in ("exact", True, None)],
    *[("training.preemption_grace_seconds", value) for value in (0, -1, "soon")],
    *[("training.bf16", value) for value in ("perhaps", 3)],
    *[("training.fp16", value) for value in ("perhaps", 3)],
    *[("training.gradient_checkpointing", value) for value in ("perhaps", 3)],
    *[("training.oom_recovery", value) for value in ("perhaps", 3)],
    *[("training.memory_probe", value) for value in ("perhaps", 3)],
    *[("training.oom_recovery_min_batch_size", value) for value in (0, -1, "few", 1.5)],
    *[("training.use_liger_kernel", value) for value in ("perhaps", None)],
    *[("training.torch_compile", value) for value in ("perhaps", None)],
    *[("training.galore_enabled", value) for value in ("perhaps", None)],
    *[("training.galore_optim", value) for value in ("galore_sgd", None)],
    *[("training.galore_rank", value) for value in (0, 1.5, None)],
    *[("training.galore_update_proj_gap", value) for value in (0, None)],
    *[("training.galore_scale", value) for value in (0, -1, None)],
    *[("training.galore_proj_type", value) for value in ("up", None)],
    *[("training.galore_target_modules", value) for value in ("x", [], ["("], [1])],
    *[("model.multimodal", value) for value in (True, [], {"enable": 1})],
    *[("model.moe", value) for value in (True, [], {"experts": 1})],
    *[("training.eval_steps", value) for value in (0, None)],
    *[("training.save_steps", value) for value in (0, None)],
    *[("training.save_total_limit", value) for value in (0, None)],
    *[("training.logging_steps", value) for value in (0, "often", True)],
    *[("training.early_stopping_patience", value) for value in (0, None)],
    *[("training.packing", value) for value in ("perhaps", None)],
    *[("training.padding_free", value) for value in ("perhaps", 3)],
    *[("training.sample_packing", value) for value in ("perhaps", None)],
    *[("training.assistant_only_loss", value) for value in ("perhaps", 3)],
    *[("training.completion_only_loss", value) for value in ("perhaps", 3)],
    *[("training.train_sampling_strategy", value) for value in ("sorted", 3)],
    *[("training.neftune_noise_alpha", value) for value in (0, -5)],
    *[("training.rope_scaling", value) for value in ("yarn", {}, {"rope_type": "linear"}, [1])],
    *[("training.sliding_window_attention", value) for value in (0, "wide")],
    *[("training.dataloader_num_workers", value) for value in (-1, None)],
    *[("training.dataset_num_proc", value) for value in (0,)],
    *[("training.report_to", value) for value in ("comet", None, ["wandb", "wandb"], ["none", "wandb"], [], [1])],
    *[("training.sample_prompts", value) for value in (-1, None, 1.5)],
    *[("training.sample_max_new_tokens", value) for value in (0, None)],
    *[("training.run_name", value) for value in (1, True)],
    *[("training.gpu_cost_per_hour", value) for value in (-1, "cheap")],
    *[("data.dataset_name_or_path", value) for value in ("", None, ["x"])],
    *[("data.extra_datasets", value) for value in ("x", [""], [1])],
    *[("data.mix_ratio", value) for value in ("x", [-1.0], [0], [float("nan")], [True], [1, 1], [])],
    *[("data.shuffle", value) for value in ("perhaps", None)],
    *[("data.clean_text", value) for value in ("perhaps", None)],
    *[("data.add_eos", value) for value in ("perhaps", None)],
    *[("data.governance", value) for value in ("none", [], {"dpia": True})],
    *[("data.format", value) for value in ("chatml", None)],
    *[
        ("data.columns", value)
        for value in ({"chat": "x"}, {"prompt": " "}, {"prompt": "x", "completion": "x"}, {"text": 1}, [1], None)
    ],
    *[("data.validation_split_ratio", value) for value in (0, 1, -0.1, "some", True)],
    *[("data.max_tokens_lost", value) for value in (-0.1, 1.1, None)],
    *[("data.governance.collection_method", value) for value in (1, None)],
    *[("data.governance.annotation_process", value) for value in (1, None)],
    *[("data.governance.known_biases", value) for value in ([], None)],
    *[("data.governance.personal_data_included", value) for value in ("perhaps", None)],
    *[("data.governance.dpia_completed", value) for value in ("perhaps", None)],
    *[(f"data.governance.{name}", value) for name in _DECLARED for value in ("n/a", 1)],
    *[("data.governance.datasets", value) for value in (None, {}, [{"name": "rows.jsonl"}])],
    *[("auth.hf_token", value) for value in (1, [], "", "a b", "a\n", "***REDACTED***")],
    *[("evaluation.auto_revert", value) for value in ("perhaps", None)],
    *[("evaluation.text", value) for value in ("yes", {"metrics": ["meteor"]})],
    *[(f"evaluation.{name}", value) for name in ("on_inconclusive", "loss_gate_on") for value in ("maybe", None, 1)],
    *[("evaluation.max_acceptable_loss", value) for value in ("low", float("nan"), float("inf"), True)],
    *[("evaluation.baseline_loss", value) for value in ("low", float("inf"), True)],
    *[("evaluation.min_reward", value) for value in ("high", float("inf"), True)],
    *[("evaluation.require_human_approval", value) for value in ("perhaps", None)],
    *[("evaluation.staging_ttl_days", value) for value in (-1, "week", True)],
    *[("evaluation.approval", value) for value in (3, ["ada"], True)],
    *[("evaluation.safety", value) for value in (3, ["x"], True)],
    *[("evaluation.memorisation", value) for value in (3, ["x"], True)],
    *[("evaluation.benchmark", value) for value in (3, ["arc_easy"], True)],
    *[("evaluation.llm_judge", value) for value in (3, ["gpt-4o"], True)],
    *[
        (f"retention.{name}", value)
        for name in (
            "audit_log_retention_days",
            "staging_ttl_days",
            "ephemeral_artefact_retention_days",
            "raw_documents_retention_days",
        )
        for value in (-1, 0.5, "week", None)
    ],
    *[("retention.enforce", value) for value in ("block", None)],
    *[
        (f"compliance.{name}", value)
        for name in (
            "provider_name",
            "provider_contact",
            "system_name",
            "intended_purpose",
            "known_limitations",
            "system_version",
        )
        for value in (1.0, None)
    ],
    *[(f"compliance.{name}", value) for name in ("previous_versions", "declared_by") for value in ("...", 1)],
    *[("compliance.declared_on", value) for value in (1, "yesterday")],
    *[("compliance.annex_iv", value) for value in (None, [], {"1b": None}, {"10": {"statement": "So it is."}})],
    *[("compliance.gpai", value) for value in ("none", [], {"licence": "tbd"})],
    *[("compliance.risk_classification", value) for value in ("high", "high-risk", "unacceptable", None)],
    *[("risk_assessment.intended_use", value) for value in (1, None)],
    *[("risk_assessment.foreseeable_misuse", value) for value in ("misuse", [1], None)],
    *[("risk_assessment.risk_category", value) for value in ("low", "high-risk", None)],
    *[("risk_assessment.mitigation_measures", value) for value in ("none", [1], None)],
    *[("risk_assessment.vulnerable_groups_considered", value) for value in ("perhaps", None)],
]

ACCEPTED: list[tuple[str, Any, Any]] = [
    ("model.name_or_path", Path("models") / "base", str(Path("models/base"))),
    ("model.max_length", 1, 1),
    ("model.max_length", "1e3", 1000),
    ("model.revision", "a" * 40, "a" * 40),
    ("lora.dropout", 1, 1.0),
    ("lora.target_modules", "all-linear", "all-linear"),
    ("lora.modules_to_save", ["embed_tokens"], ["embed_tokens"]),
    ("training.learning_rate", "2e-5", 2e-5),
    ("training.learning_rate", "1E-4", 1e-4),
    ("training.max_steps", -1, -1),
    ("training.seed", 2**32 - 1, 2**32 - 1),
    ("training.seed", "7", 7),
    ("training.grpo_rewards", "length", ["length"]),
    ("training.report_to", ["wandb", "trackio"], ["wandb", "trackio"]),
    ("training.grpo_max_completion_length", "6e1", 60),
    ("training.num_train_epochs", 2.0, 2),
    ("training.neftune_noise_alpha", 5, 5.0),
    ("training.gpu_cost_per_hour", 0, 0.0),
    ("training.final_model_dir", "model-v1.2", "model-v1.2"),
    ("data.columns", {"prompt": "question"}, {"prompt": "question"}),
    ("data.mix_ratio", ["1e-1"], [0.1]),
    ("data.max_tokens_lost", 1, 1.0),
    ("data.validation_split_ratio", 0.5, 0.5),
    ("evaluation.max_acceptable_loss", "1.5", 1.5),
]


def _nest(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def _read(config: ForgeConfig, path: str) -> Any:
    value: Any = config
    for key in path.split("."):
        value = getattr(value, key)
    return value


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_the_contract(build: Any, name: str) -> None:
    section = getattr(build(**{name: {}}), name)
    values = {key: getattr(section, key) for key in type(section).model_fields}
    assert {key: value for key, value in values.items() if key not in REQUIRED.get(name, ())} == DEFAULTS[name]


def test_governance_defaults_are_those_of_the_contract(build: Any) -> None:
    assert build(data={"governance": {}}).data.governance.model_dump() == GOVERNANCE


def test_optional_sections_default_to_null(build: Any) -> None:
    config = build()
    assert [config.auth, config.evaluation, config.compliance, config.risk_assessment, config.retention] == [None] * 5


@pytest.mark.parametrize(("path", "value"), REFUSED, ids=lambda part: str(part)[:40])
def test_wrong_value_is_refused_where_it_stands(build: Any, path: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**_nest(path, value))
    assert len(caught.value.problems) == 1
    place = caught.value.problems[0].path
    assert place == path or place.startswith((f"{path}[", f"{path}."))
    assert "Input should" not in str(caught.value)


@pytest.mark.parametrize(("path", "value", "expected"), ACCEPTED, ids=lambda part: str(part)[:40])
def test_value_at_the_bound_or_spelt_as_text_is_accepted(build: Any, path: str, value: Any, expected: Any) -> None:
    assert _read(build(**_nest(path, value)), path) == expected


def test_the_tables_above_cover_every_field() -> None:
    tested = {path for path, _ in REFUSED}
    fields = {f"{name}.{key}" for name, keys in DEFAULTS.items() for key in keys}
    fields |= {f"{name}.{key}" for name, keys in REQUIRED.items() for key in keys}
    assert fields | {f"data.governance.{key}" for key in GOVERNANCE} == tested
