"""The words and values of a pipeline: what can be chosen, and what the parts are handed, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class TrainingMethod(StrEnum):
    """What is trained, and how. ``SUPPORTED_METHODS`` work; the others are refused by name."""

    FULL_FINETUNING = "full_finetuning"
    LORA = "lora"
    QLORA = "qlora"
    ADALORA = "adalora"
    PREFIX_TUNING = "prefix_tuning"
    P_TUNING = "p_tuning"
    PROMPT_TUNING = "prompt_tuning"
    IA3 = "ia3"
    INSTRUCTION_TUNING = "instruction_tuning"
    RLHF = "rlhf"
    DPO = "dpo"
    RLAIF = "rlaif"
    SIMCSE = "simcse"
    CONTRASTIVE_ALIGNMENT = "contrastive_alignment"
    VANILLA_DISTILLATION = "vanilla_distillation"
    FEATURE_DISTILLATION = "feature_distillation"
    SELF_DISTILLATION = "self_distillation"
    QAT_INT8 = "qat_int8"
    QAT_INT4 = "qat_int4"
    MAGNITUDE_PRUNING = "magnitude_pruning"
    STRUCTURED_PRUNING = "structured_pruning"


SUPPORTED_METHODS = (
    TrainingMethod.LORA,
    TrainingMethod.QLORA,
    TrainingMethod.INSTRUCTION_TUNING,
    TrainingMethod.FULL_FINETUNING,
)
ADAPTER_METHODS = SUPPORTED_METHODS[:3]


class DatasetSource(StrEnum):
    LOCAL_FILE = "local_file"
    HUGGINGFACE_HUB = "huggingface_hub"
    CUSTOM = "custom"


class FileFormat(StrEnum):
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    TXT = "txt"


class EvaluationMetric(StrEnum):
    ROUGE_1 = "rouge1"
    ROUGE_2 = "rouge2"
    ROUGE_L = "rougeL"
    BLEU = "bleu"
    PERPLEXITY = "perplexity"
    ACCURACY = "accuracy"
    F1 = "f1"
    EXACT_MATCH = "exact_match"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class DeviceType(StrEnum):
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"
    AUTO = "auto"


@dataclass(frozen=True)
class ModelConfig:
    """A base model and how it is loaded. ``torch_dtype`` is torch's name of a type; ``None`` follows the hardware."""

    name: str
    device: DeviceType = DeviceType.AUTO
    torch_dtype: str | None = None
    load_in_8bit: bool = False
    load_in_4bit: bool = False
    use_flash_attention: bool = False
    trust_remote_code: bool = False
    revision: str | None = None
    cache_dir: Path | None = None


@dataclass(frozen=True)
class DatasetConfig:
    """Which rows. ``text_columns`` ``None`` recognises them; ``max_samples`` takes the first that many rows."""

    source: DatasetSource
    path: str
    split: str = "train"
    config_name: str | None = None
    data_files: str | Sequence[str] | None = None
    text_columns: Sequence[str] | None = None
    max_samples: int | None = None
    streaming: bool = False
    shuffle: bool = True
    seed: int = 42


@dataclass(frozen=True)
class TokenizationConfig:
    """How text becomes tokens. ``padding`` shapes what is returned; no loss is ever taken on a pad."""

    max_length: int = 512
    truncation: bool = True
    padding: str = "max_length"
    add_special_tokens: bool = True
    return_attention_mask: bool = True


@dataclass(frozen=True)
class LoRAConfig:
    """The adapter. ``target_modules`` ``None`` takes those that suit the model's architecture."""

    r: int = 8
    lora_alpha: int = 32
    lora_dropout: float = 0.1
    target_modules: Sequence[str] | None = None
    bias: str = "none"
    fan_in_fan_out: bool = False
    init_lora_weights: bool | str = True


@dataclass(frozen=True)
class TrainingConfig:
    """How the steps are taken. ``batch_size`` is rows per device in one forward pass."""

    method: TrainingMethod
    output_dir: Path
    num_epochs: int = 3
    batch_size: int = 4
    gradient_accumulation_steps: int = 4
    learning_rate: float = 2e-4
    weight_decay: float = 0.01
    warmup_ratio: float = 0.1
    lr_scheduler_type: str = "cosine"
    max_grad_norm: float = 1.0
    fp16: bool = False
    bf16: bool = False
    logging_steps: int = 10
    save_steps: int | None = None
    save_strategy: str = "epoch"
    evaluation_strategy: str = "no"
    load_best_model_at_end: bool = False
    seed: int = 42
    gradient_checkpointing: bool = False


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured on how many rows, and how replies are drawn. Drawing is the same at every ``batch_size``."""

    metrics: Sequence[EvaluationMetric]
    batch_size: int = 8
    num_samples: int | None = None
    generation_max_length: int = 100
    generation_temperature: float = 0.7
    generation_top_p: float = 0.9
    generation_do_sample: bool = True
    seed: int = 42
