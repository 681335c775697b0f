"""The parts of the ForgeLM configuration that this version does not have, so that they are never taken for typos."""

from __future__ import annotations

from types import MappingProxyType

_PREFERENCE = "preference training"
_REWARD = "GRPO training"
_GALORE = "the GaLore optimizer"
_OOM = "recovery from full GPU memory"

RESERVED = MappingProxyType(
    {
        "distributed": "training on several GPUs",
        "merge": "merging models",
        "monitoring": "monitoring",
        "pipeline": "training in several stages",
        "synthetic": "generating data",
        "webhook": "notifications",
        "model.backend=unsloth": "the unsloth backend",
        "model.moe": "mixture-of-experts options",
        "model.multimodal": "vision-language training",
        "training.trainer_type=dpo": _PREFERENCE,
        "training.trainer_type=grpo": _REWARD,
        "training.trainer_type=kto": _PREFERENCE,
        "training.trainer_type=orpo": _PREFERENCE,
        "training.trainer_type=simpo": _PREFERENCE,
        "training.dpo_beta": _PREFERENCE,
        "training.kto_beta": _PREFERENCE,
        "training.loss_type": _PREFERENCE,
        "training.label_smoothing": _PREFERENCE,
        "training.orpo_beta": _PREFERENCE,
        "training.simpo_beta": _PREFERENCE,
        "training.simpo_gamma": _PREFERENCE,
        "training.use_liger_kernel": "Liger kernels",
        "training.grpo_num_generations": _REWARD,
        "training.grpo_max_completion_length": _REWARD,
        "training.grpo_max_new_tokens": _REWARD,
        "training.grpo_reward_model": _REWARD,
        "training.grpo_reward_model_revision": _REWARD,
        "training.galore_enabled": _GALORE,
        "training.galore_optim": _GALORE,
        "training.galore_rank": _GALORE,
        "training.galore_update_proj_gap": _GALORE,
        "training.galore_scale": _GALORE,
        "training.galore_proj_type": _GALORE,
        "training.galore_target_modules": _GALORE,
        "training.oom_recovery": _OOM,
        "training.oom_recovery_min_batch_size": _OOM,
        "evaluation.benchmark": "benchmarks",
        "evaluation.llm_judge": "judging by a model",
        "evaluation.safety": "safety evaluation",
    }
)


def reserved_message(path: str) -> str | None:
    """Return what to tell a user who wrote ``path`` (a dotted key, or ``key=value``), ``None`` if it isn't reserved."""
    reason = RESERVED.get(path)
    if reason is None:
        return None
    what = path.rpartition(".")[2].replace("=", ": ")
    return f"'{what}' is part of the ForgeLM configuration but not available in this version ({reason})"


def reserved_values(path: str) -> tuple[str, ...]:
    """Return the values of the key ``path`` that are reserved."""
    return tuple(key.partition("=")[2] for key in RESERVED if key.startswith(f"{path}="))
