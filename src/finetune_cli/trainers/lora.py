"""Trainers of an adapter on frozen weights: plain, and on quantised ones."""

from __future__ import annotations

from typing import Any

from finetune_cli.core.exceptions import IncompatibleConfigError
from finetune_cli.core.types import LoRAConfig, ModelConfig, TrainingConfig
from finetune_cli.trainers.base import BaseTrainer
from finetune_cli.trainers.loaded import is_quantised


class LoRATrainer(BaseTrainer):
    """Attaches an adapter and trains it; the model's own weights stay as they are."""

    def __init__(self, model: Any, tokenizer: Any, training_config: TrainingConfig, lora_config: LoRAConfig) -> None:
        super().__init__(model, tokenizer, training_config)
        self.lora_config = lora_config


class QLoRATrainer(LoRATrainer):
    """The same on a model that was loaded in 4 (or 8) bits.

    Raises:
        IncompatibleConfigError: the model is not quantised.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        training_config: TrainingConfig,
        lora_config: LoRAConfig,
        model_config: ModelConfig | None = None,
    ) -> None:
        super().__init__(model, tokenizer, training_config, lora_config)
        if not is_quantised(model):
            raise IncompatibleConfigError(
                "qlora trains on quantised weights, and this model's are not",
                ("training.method", "model.load_in_4bit"),
                hint="load it with load_in_4bit: true",
            )
