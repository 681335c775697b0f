"""What each training objective asks of TRL, beyond what all of them share. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from forgelm.config.training import TrainingConfig

Arguments = dict[str, Any]


def sft_arguments(training: TrainingConfig, max_length: int) -> Arguments:
    """Return what ``SFTConfig`` gets besides the shared arguments."""
    return {
        "packing": training.packing,
        "padding_free": bool(training.padding_free),
        # Rows are cut before they get here; TRL refuses a length it would not enforce.
        "max_length": None if training.padding_free and not training.packing else max_length,
        "dataset_num_proc": training.dataset_num_proc,
        "dataset_kwargs": {"skip_prepare_dataset": not training.packing},
        "shuffle_dataset": False,
        "remove_unused_columns": True,
    }


def dpo_arguments(training: TrainingConfig, max_length: int) -> Arguments:
    """Return what ``DPOConfig`` gets (Rafailov et al. 2023, arXiv:2305.18290, and the losses TRL names)."""
    return {
        "beta": training.dpo_beta,
        "loss_type": [training.loss_type],
        "label_smoothing": training.label_smoothing,
        "precompute_ref_log_probs": bool(training.precompute_ref_log_probs),
        "max_length": max_length,
        "remove_unused_columns": True,
    }


def simpo_arguments(training: TrainingConfig, max_length: int) -> Arguments:
    """Return what ``CPOConfig`` gets to be SimPO (Meng et al. 2024, arXiv:2405.14734): no loss on the chosen reply."""
    return {
        "loss_type": "simpo",
        "cpo_alpha": 0.0,
        "beta": training.simpo_beta,
        "simpo_gamma": training.simpo_gamma,
        "label_smoothing": training.label_smoothing,
        "max_length": max_length,
        "remove_unused_columns": False,
    }


def orpo_arguments(training: TrainingConfig, max_length: int) -> Arguments:
    """Return what ``ORPOConfig`` gets (Hong et al. 2024, arXiv:2403.07691)."""
    return {"beta": training.orpo_beta, "max_length": max_length, "remove_unused_columns": False}


def kto_arguments(training: TrainingConfig, max_length: int) -> Arguments:
    """Return what ``KTOConfig`` gets (Ethayarajh et al. 2024, arXiv:2402.01306)."""
    return {
        "beta": training.kto_beta,
        "desirable_weight": training.desirable_weight,
        "undesirable_weight": training.undesirable_weight,
        "max_length": max_length,
        "remove_unused_columns": True,
    }


def grpo_arguments(training: TrainingConfig, max_length: int) -> Arguments:
    """Return what ``GRPOConfig`` gets (Shao et al. 2024, arXiv:2402.03300). Nothing is drawn for evaluation."""
    return {
        "num_generations": training.grpo_num_generations,
        "max_completion_length": training.grpo_max_completion_length,
        "temperature": training.grpo_temperature,
        "top_p": training.grpo_top_p,
        "top_k": training.grpo_top_k,
        "beta": training.grpo_beta,
        "reward_weights": training.grpo_reward_weights,
        "eval_strategy": "no",
        "eval_steps": None,
        "remove_unused_columns": False,
    }


OBJECTIVES: MappingProxyType[str, Callable[[TrainingConfig, int], Arguments]] = MappingProxyType(
    {
        "sft": sft_arguments,
        "dpo": dpo_arguments,
        "simpo": simpo_arguments,
        "kto": kto_arguments,
        "orpo": orpo_arguments,
        "grpo": grpo_arguments,
    }
)
