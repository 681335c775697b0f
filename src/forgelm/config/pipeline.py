"""The section ``pipeline``: stages that train one after another, each on the model the one before was promoted to."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from forgelm.config.data import DataConfig
from forgelm.config.evaluation import EvaluationConfig
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.section import Section, refuse
from forgelm.config.training import TrainingConfig

STAGE_SECTIONS = ("model", "lora", "training", "data", "evaluation")
ROOT_ONLY = (
    *("auth", "compliance", "distributed", "export", "merge", "monitoring", "pipeline"),
    *("retention", "risk_assessment", "synthetic", "webhook"),
)


class PipelineStage(Section):
    """One stage: a name, and the sections that replace the file's own. What it leaves out it takes from the file."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,32}$", description="Name of the stage: a to z, 0 to 9 and _.")
    model: ModelConfig | None = Field(None, description="Another model than the one the stage before was promoted to.")
    lora: LoraConfig | None = Field(None, description="The stage's adapter.")
    training: TrainingConfig | None = Field(None, description="The stage's training; it names its trainer_type.")
    data: DataConfig | None = Field(None, description="The rows of the stage.")
    evaluation: EvaluationConfig | None = Field(None, description="The gates of the stage.")

    @model_validator(mode="before")
    @classmethod
    def _keep_to_the_stage(cls, stage: Any) -> Any:
        if isinstance(stage, dict):
            for name in ROOT_ONLY:
                if name in stage:
                    raise refuse(name, f"'{name}' is of the whole pipeline", "write it once, at the top of the file")
        return stage

    @model_validator(mode="after")
    def _name_the_trainer(self) -> Self:
        if self.training is not None and "trainer_type" not in self.training.model_fields_set:
            raise refuse("training", "a stage with its own training says which trainer_type it is")
        return self


class PipelineConfig(Section):
    """A chain of trainings, such as sft, then dpo, then grpo."""

    output_dir: str = Field(
        "./pipeline_run", min_length=1, description="Where state, manifest and audit log of the whole chain go."
    )
    stages: list[PipelineStage] = Field(min_length=1, description="The stages, in their order.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise refuse("stages", f"two stages are called '{name}'")
        return self
