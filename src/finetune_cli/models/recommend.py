"""A model's size and the memory at hand to a training method, and to a configuration that trains as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from finetune_cli.core.builder import ConfigBuilder
from finetune_cli.core.exceptions import ModelNotFoundError
from finetune_cli.core.pipeline import PipelineConfig
from finetune_cli.core.types import ModelConfig, TrainingMethod
from finetune_cli.models.targets import load_skeleton
from forgelm.assist.recommend import read_shapes
from forgelm.base.extras import load_extra
from forgelm.config.root import ForgeConfig
from forgelm.model.gpus import any_gpu
from forgelm.model.parameters import count_parameters
from forgelm.train.memory.fit import FitCheck, judge_fit

DATASET = "./data/train.jsonl"
OUTPUT = "./output"
MAX_LENGTH = 512
_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmbt])", re.IGNORECASE)
_UNITS = {"k": 1e-3, "m": 1.0, "b": 1e3, "t": 1e6}


@dataclass(frozen=True)
class Recommendation:
    """What to train with. ``parameters_m`` are millions; ``r`` is ``None`` where all weights are trained."""

    model: str
    parameters_m: float
    vram_gb: float
    method: TrainingMethod
    r: int | None
    batch_size: int
    fp16: bool
    gradient_checkpointing: bool


# Above this many million parameters, at least this many GB: method, rank, batch size, fp16, gradient checkpointing.
_TABLE = (
    (7000, 0.0, TrainingMethod.QLORA, 16, 1, True, True),
    (1000, 16.0, TrainingMethod.LORA, 16, 4, True, False),
    (1000, 0.0, TrainingMethod.QLORA, 8, 2, True, True),
    (300, 8.0, TrainingMethod.LORA, 8, 4, True, False),
    (300, 0.0, TrainingMethod.LORA, 4, 2, False, False),
    (0, 4.0, TrainingMethod.LORA, 8, 8, False, False),
    (0, 0.0, TrainingMethod.FULL_FINETUNING, None, 4, False, False),
)


def recommend_method(model: str, parameters_m: float, vram_gb: float) -> Recommendation:
    """Return the row of the table that the size and the memory fall into. float16 needs a GPU."""
    _, _, method, rank, batch, fp16, checkpointing = next(
        row for row in _TABLE if (parameters_m > row[0] or row[0] == 0) and vram_gb >= row[1]
    )
    half = fp16 and vram_gb > 0
    return Recommendation(model, parameters_m, vram_gb, method, rank, batch, half, checkpointing)


def count_millions(model: str) -> float:
    """Return the million parameters of a model, or those that ``7B`` or ``124M`` spells. No weights are loaded.

    Raises:
        ModelLoadError: there is no such model, or its configuration cannot be read here.
    """
    spelt = spelt_count(model)
    if spelt is not None:
        return spelt
    if (Path(model) / "adapter_config.json").is_file() and not (Path(model) / "config.json").is_file():
        raise ModelNotFoundError(model, hint="this is an adapter; name its base model")
    return count_parameters(load_skeleton(ModelConfig(model))).total / 1e6


def spelt_count(model: str) -> float | None:
    """Return the million parameters that ``model`` spells, or ``None`` where it names a model."""
    found = _COUNT.fullmatch(model.strip())
    return float(found[1]) * _UNITS[found[2].lower()] if found else None


def detect_vram_gb() -> float:
    """Return the memory of the first GPU, 0 where there is none."""
    torch = load_extra("torch", extra="train")
    return float(torch.cuda.get_device_properties(0).total_memory) / 1e9 if torch.cuda.is_available() else 0.0


def check_memory(found: Recommendation) -> FitCheck:
    """Return the engine's estimate of what the recommended training takes, held against the memory at hand."""
    spelt = spelt_count(found.model) is not None
    architecture = read_shapes(f"{found.parameters_m / 1e3:g}B" if spelt else found.model)
    config = ForgeConfig(
        model={
            "name_or_path": found.model,
            "max_length": MAX_LENGTH,
            "load_in_4bit": found.method is TrainingMethod.QLORA,
        },
        lora=None if found.r is None else {"r": found.r, "alpha": 2 * found.r, "target_modules": "auto"},
        training={
            "per_device_train_batch_size": found.batch_size,
            "gradient_accumulation_steps": max(1, 16 // found.batch_size),
            "fp16": found.fp16,
            "gradient_checkpointing": found.gradient_checkpointing,
        },
        data={"dataset_name_or_path": DATASET},
    )
    return judge_fit(architecture, config, any_gpu(found.vram_gb) if found.vram_gb > 0 else None)


def build_pipeline(found: Recommendation, dataset: str | None) -> PipelineConfig:
    """Return the recommendation as a whole configuration."""
    full = found.method is TrainingMethod.FULL_FINETUNING
    builder = (
        ConfigBuilder()
        .with_model(
            found.model,
            torch_dtype="float16" if found.fp16 else None,
            load_in_4bit=found.method is TrainingMethod.QLORA,
        )
        .with_dataset(dataset or DATASET)
        .with_tokenization(max_length=MAX_LENGTH)
        .with_training(
            found.method,
            OUTPUT,
            num_epochs=3,
            batch_size=found.batch_size,
            gradient_accumulation_steps=max(1, 16 // found.batch_size),
            learning_rate=5e-5 if full else 2e-4,
            fp16=found.fp16,
            gradient_checkpointing=found.gradient_checkpointing,
        )
    )
    if found.r is not None:
        builder.with_lora(r=found.r, lora_alpha=2 * found.r, lora_dropout=0.1)
    return builder.build()
