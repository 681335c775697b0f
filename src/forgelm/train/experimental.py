"""The trainers TRL keeps under ``trl.experimental``, where it promises nothing: all we need of them, in one place."""

from __future__ import annotations

import warnings
from types import MappingProxyType
from typing import Any

from forgelm.base.extras import load_extra

# The configuration, the trainer, the configuration's fields and the trainer's methods that we rely on.
SURFACE: MappingProxyType[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "trl.experimental.orpo": (
            "ORPOConfig",
            "ORPOTrainer",
            ("beta", "max_length", "disable_dropout", "remove_unused_columns"),
            ("tokenize_row", "concatenated_inputs", "odds_ratio_loss", "_save_checkpoint"),
        ),
        "trl.experimental.cpo": (
            "CPOConfig",
            "CPOTrainer",
            ("beta", "loss_type", "cpo_alpha", "simpo_gamma", "label_smoothing", "max_length", "disable_dropout"),
            ("tokenize_row", "concatenated_inputs", "cpo_loss", "_save_checkpoint"),
        ),
    }
)


def load_trainer_module(name: str) -> Any:
    """Return TRL's module ``name``, without the notice its experimental part prints on import."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"You are importing from 'trl\.experimental'")
        return load_extra(name, extra="train")
