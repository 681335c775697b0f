"""The sections of a pipeline's configuration, as a user writes them; ``to_config`` gives what the parts are handed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from finetune_cli.core import types
from finetune_cli.core.exceptions import IncompatibleConfigError
from finetune_cli.core.explain import build_error, explain_as_ours
from forgelm.config.section import read_number, read_place
from forgelm.config.training import Schedule

When = Literal["no", "epoch", "steps"]


class SectionModel(BaseModel):
    """A section. Unknown keys are refused; what is wrong with it is told by this package's own exceptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())
    section: ClassVar[str] = ""
    record: ClassVar[type[Any]]

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise build_error(explain_as_ours(error, type(self), self.section)) from None
        self.check()

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        annotation: Any = cls.model_fields[info.field_name or ""].annotation
        kinds = set(get_args(annotation) or (annotation,)) - {type(None)}
        if kinds and kinds <= {int, float}:
            return read_number(value)
        # YAML reads a bare no as false.
        return "no" if annotation is When and value is False else read_place(value)

    def check(self) -> None:
        """Refuse values that exclude each other."""

    def to_config(self) -> Any:
        """Return the frozen record of these values."""
        return self.record(**{field.name: getattr(self, field.name) for field in fields(self.record)})


class ModelConfigModel(SectionModel):
    section: ClassVar[str] = "model"
    record: ClassVar[type[Any]] = types.ModelConfig

    name: str = Field(min_length=1)
    device: types.DeviceType = types.DeviceType.AUTO
    torch_dtype: Literal["float32", "float16", "bfloat16", "auto"] | None = None
    load_in_8bit: bool = False
    load_in_4bit: bool = False
    use_flash_attention: bool = False
    trust_remote_code: bool = False
    revision: str | None = None
    cache_dir: str | None = None

    def check(self) -> None:
        if self.load_in_4bit and self.load_in_8bit:
            fields = ("model.load_in_4bit", "model.load_in_8bit")
            raise IncompatibleConfigError("load_in_4bit and load_in_8bit cannot both be true", fields)

    def to_config(self) -> types.ModelConfig:
        found: types.ModelConfig = types.ModelConfig(
            **(self.model_dump() | {"cache_dir": Path(self.cache_dir).expanduser() if self.cache_dir else None})
        )
        return found


class DatasetConfigModel(SectionModel):
    section: ClassVar[str] = "dataset"
    record: ClassVar[type[Any]] = types.DatasetConfig

    source: types.DatasetSource
    path: str = Field(min_length=1)
    split: str = "train"
    config_name: str | None = None
    data_files: str | list[str] | None = None
    text_columns: list[str] | None = None
    max_samples: int | None = Field(None, ge=1)
    streaming: bool = False
    shuffle: bool = True
    seed: int = Field(42, ge=0)

    def to_config(self) -> types.DatasetConfig:
        found: types.DatasetConfig = super().to_config()
        return found


class TokenizationConfigModel(SectionModel):
    section: ClassVar[str] = "tokenization"
    record: ClassVar[type[Any]] = types.TokenizationConfig

    max_length: int = Field(512, ge=1, le=8192)
    truncation: bool = True
    padding: Literal["max_length", "longest", "do_not_pad"] = "max_length"
    add_special_tokens: bool = True
    return_attention_mask: bool = True

    def to_config(self) -> types.TokenizationConfig:
        found: types.TokenizationConfig = super().to_config()
        return found


class LoRAConfigModel(SectionModel):
    section: ClassVar[str] = "lora"
    record: ClassVar[type[Any]] = types.LoRAConfig

    r: int = Field(8, ge=1, le=256)
    lora_alpha: int = Field(32, ge=1)
    lora_dropout: float = Field(0.1, ge=0.0, le=0.5)
    target_modules: list[str] | None = None
    bias: Literal["none", "all", "lora_only"] = "none"
    fan_in_fan_out: bool = False
    init_lora_weights: bool | str = True

    def to_config(self) -> types.LoRAConfig:
        found: types.LoRAConfig = super().to_config()
        return found


class TrainingConfigModel(SectionModel):
    section: ClassVar[str] = "training"
    record: ClassVar[type[Any]] = types.TrainingConfig

    method: types.TrainingMethod
    output_dir: str = Field(min_length=1)
    num_epochs: int = Field(3, ge=1)
    batch_size: int = Field(4, ge=1)
    gradient_accumulation_steps: int = Field(4, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup_ratio: float = Field(0.1, ge=0, le=1)
    lr_scheduler_type: Schedule = "cosine"
    max_grad_norm: float = Field(1.0, gt=0)
    fp16: bool = False
    bf16: bool = False
    logging_steps: int = Field(10, ge=1)
    save_steps: int | None = Field(None, ge=1)
    save_strategy: When = "epoch"
    evaluation_strategy: When = "no"
    load_best_model_at_end: bool = False
    seed: int = Field(42, ge=0, lt=2**32)
    gradient_checkpointing: bool = False

    def check(self) -> None:
        if self.fp16 and self.bf16:
            raise IncompatibleConfigError("fp16 and bf16 cannot both be true", ("training.fp16", "training.bf16"))
        if self.load_best_model_at_end and self.evaluation_strategy != self.save_strategy:
            fields = ("training.load_best_model_at_end", "training.evaluation_strategy", "training.save_strategy")
            raise IncompatibleConfigError(
                f"load_best_model_at_end needs every saved model measured: save_strategy is {self.save_strategy}, "
                f"evaluation_strategy {self.evaluation_strategy}",
                fields,
            )

    def to_config(self) -> types.TrainingConfig:
        return types.TrainingConfig(**(self.model_dump() | {"output_dir": Path(self.output_dir).expanduser()}))


class EvaluationConfigModel(SectionModel):
    section: ClassVar[str] = "evaluation"
    record: ClassVar[type[Any]] = types.EvaluationConfig

    metrics: list[types.EvaluationMetric] = Field(min_length=1)
    batch_size: int = Field(8, ge=1)
    num_samples: int | None = Field(None, ge=1)
    generation_max_length: int = Field(100, ge=1)
    generation_temperature: float = Field(0.7, ge=0, le=2)
    generation_top_p: float = Field(0.9, ge=0, le=1)
    generation_do_sample: bool = True
    seed: int = Field(42, ge=0)

    def to_config(self) -> types.EvaluationConfig:
        found: types.EvaluationConfig = super().to_config()
        return found
