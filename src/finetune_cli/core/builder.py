"""``ConfigBuilder``: a pipeline's configuration, put together section by section."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

from finetune_cli.core.pipeline import PipelineConfig
from finetune_cli.core.types import DatasetSource, EvaluationMetric, TrainingMethod


class ConfigBuilder:
    """Each ``with_…`` replaces its section and returns the builder; ``build`` checks everything at once."""

    def __init__(self) -> None:
        self._sections: dict[str, dict[str, Any]] = {}

    def with_model(self, name: str | os.PathLike[str], **fields: Any) -> Self:
        return self._with("model", name=name, **fields)

    def with_dataset(
        self, path: str | os.PathLike[str], source: DatasetSource | str = DatasetSource.LOCAL_FILE, **fields: Any
    ) -> Self:
        return self._with("dataset", path=path, source=source, **fields)

    def with_tokenization(self, **fields: Any) -> Self:
        return self._with("tokenization", **fields)

    def with_training(self, method: TrainingMethod | str, output_dir: str | os.PathLike[str], **fields: Any) -> Self:
        return self._with("training", method=method, output_dir=output_dir, **fields)

    def with_lora(self, **fields: Any) -> Self:
        return self._with("lora", **fields)

    def with_evaluation(self, metrics: Sequence[EvaluationMetric | str], **fields: Any) -> Self:
        return self._with("evaluation", metrics=metrics, **fields)

    def build(self) -> PipelineConfig:
        """Return the checked configuration.

        Raises:
            ConfigurationError: see ``PipelineConfig``.
        """
        return PipelineConfig.from_dict(self._sections)

    def _with(self, section: str, /, **fields: Any) -> Self:
        self._sections[section] = fields
        return self
