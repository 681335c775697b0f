"""Chooses the trainer a method stands for."""

from __future__ import annotations

from typing import Any

from finetune_cli.core.exceptions import MethodNotImplementedError, MissingConfigError
from finetune_cli.core.types import ADAPTER_METHODS, LoRAConfig, ModelConfig, TrainingConfig, TrainingMethod
from finetune_cli.trainers.base import BaseTrainer
from finetune_cli.trainers.full import FullFineTuner
from finetune_cli.trainers.instruction import InstructionTrainer
from finetune_cli.trainers.lora import LoRATrainer, QLoRATrainer
from finetune_cli.trainers.result import TrainingResult


class TrainerFactory:
    """From a configuration to the trainer that serves it."""

    @staticmethod
    def create(
        model: Any,
        tokenizer: Any,
        training_config: TrainingConfig,
        lora_config: LoRAConfig | None = None,
        model_config: ModelConfig | None = None,
    ) -> BaseTrainer:
        """Return the trainer of ``training_config.method``.

        Raises:
            MissingConfigError: the method trains an adapter and ``lora_config`` is absent.
            MethodNotImplementedError: the method is not supported.
        """
        method = training_config.method
        if method is TrainingMethod.FULL_FINETUNING:
            return FullFineTuner(model, tokenizer, training_config)
        if method not in ADAPTER_METHODS:
            raise MethodNotImplementedError(method)
        if lora_config is None:
            raise MissingConfigError("lora_config", f"method {method}")
        if method is TrainingMethod.QLORA:
            return QLoRATrainer(model, tokenizer, training_config, lora_config)
        kind = InstructionTrainer if method is TrainingMethod.INSTRUCTION_TUNING else LoRATrainer
        return kind(model, tokenizer, training_config, lora_config)

    @staticmethod
    def train(
        model: Any,
        tokenizer: Any,
        dataset: Any,
        training_config: TrainingConfig,
        lora_config: LoRAConfig | None = None,
        model_config: ModelConfig | None = None,
    ) -> TrainingResult:
        """Create the trainer and train; see ``create`` and ``BaseTrainer.train``."""
        return TrainerFactory.create(model, tokenizer, training_config, lora_config, model_config).train(dataset)
