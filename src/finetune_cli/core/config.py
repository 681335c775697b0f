"""The configuration of a pipeline: ``ConfigBuilder`` and ``PipelineConfig`` with its sections."""

from __future__ import annotations

from finetune_cli.core.builder import ConfigBuilder
from finetune_cli.core.pipeline import PipelineConfig
from finetune_cli.core.sections import (
    DatasetConfigModel,
    EvaluationConfigModel,
    LoRAConfigModel,
    ModelConfigModel,
    TokenizationConfigModel,
    TrainingConfigModel,
)

__all__ = [
    "ConfigBuilder",
    "DatasetConfigModel",
    "EvaluationConfigModel",
    "LoRAConfigModel",
    "ModelConfigModel",
    "PipelineConfig",
    "TokenizationConfigModel",
    "TrainingConfigModel",
]
