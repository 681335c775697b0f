"""Trainers: one for each method, over the engine's own training."""

from __future__ import annotations

from finetune_cli.trainers.base import BaseTrainer
from finetune_cli.trainers.factory import TrainerFactory
from finetune_cli.trainers.full import FullFineTuner
from finetune_cli.trainers.instruction import InstructionTrainer, format_instruction_dataset
from finetune_cli.trainers.lora import LoRATrainer, QLoRATrainer
from finetune_cli.trainers.result import TrainingResult

__all__ = [
    "BaseTrainer",
    "FullFineTuner",
    "InstructionTrainer",
    "LoRATrainer",
    "QLoRATrainer",
    "TrainerFactory",
    "TrainingResult",
    "format_instruction_dataset",
]
