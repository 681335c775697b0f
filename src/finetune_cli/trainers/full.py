"""Trainer of all weights."""

from __future__ import annotations

import warnings
from typing import Any

from finetune_cli.core.exceptions import IncompatibleConfigError
from finetune_cli.core.types import TrainingConfig
from finetune_cli.trainers.base import BaseTrainer
from finetune_cli.trainers.loaded import is_quantised
from forgelm.model.parameters import count_parameters

_MANY = 1_000_000_000


class FullFineTuner(BaseTrainer):
    """Trains every parameter. Issues a ``ResourceWarning`` for a model of more than a billion.

    Raises:
        IncompatibleConfigError: the model is quantised, so its weights cannot be trained.
    """

    def __init__(self, model: Any, tokenizer: Any, training_config: TrainingConfig) -> None:
        super().__init__(model, tokenizer, training_config)
        if is_quantised(model):
            raise IncompatibleConfigError(
                "full_finetuning trains the weights themselves, and this model's are quantised",
                ("training.method", "model.load_in_4bit"),
                hint="load it without load_in_4bit and load_in_8bit",
            )
        total = count_parameters(model).total
        if total > _MANY:
            warnings.warn(
                f"all {total / 1e9:.1f} billion parameters are trained, which takes about {16 * total / 1e9:.0f} GB "
                "for weights, gradients and optimizer in float32; LoRA takes far less",
                ResourceWarning,
                stacklevel=2,
            )
