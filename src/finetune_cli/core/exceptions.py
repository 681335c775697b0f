"""Everything this package raises on purpose, each with one sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence


class FineTuneError(Exception):
    """Base of all of them. ``hint`` says what to do, where that is known."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(FineTuneError):
    """The configuration cannot be used. ``field`` is the dotted key, where it is one key's fault."""

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class InvalidConfigError(ConfigurationError):
    """A value that is not allowed, an unknown key, or a file that holds no configuration."""


class MissingConfigError(ConfigurationError):
    """A field or section that is needed and absent."""

    def __init__(self, field: str, context: str = "", *, hint: str | None = None) -> None:
        super().__init__(f"{context}: {field} is missing" if context else f"{field} is missing", field=field, hint=hint)


class IncompatibleConfigError(ConfigurationError):
    """Values that are each allowed and exclude each other; ``fields`` are their keys."""

    def __init__(self, message: str, fields: Sequence[str] | None = None, *, hint: str | None = None) -> None:
        super().__init__(message, field=fields[0] if fields else None, hint=hint)
        self.fields = tuple(fields or ())


class ModelError(FineTuneError):
    """The model cannot be used."""


class ModelLoadError(ModelError):
    def __init__(self, name: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"model {name}: {reason}", hint=hint)
        self.name = name


class ModelNotFoundError(ModelLoadError):
    def __init__(self, name: str, *, hint: str | None = None) -> None:
        super().__init__(name, "there is no such folder or repository", hint=hint)


class UnsupportedModelError(ModelLoadError):
    """The model is there, and cannot do what is asked of it."""


class CUDANotAvailableError(ModelError):
    def __init__(self) -> None:
        super().__init__("device cuda was asked for, but there is no CUDA GPU here", hint="use device: auto or cpu")


class TargetModulesNotFoundError(ModelError):
    def __init__(self, name: str, patterns: Sequence[str], *, hint: str | None = None) -> None:
        wanted = f"none of {', '.join(patterns)}" if patterns else "no module that is known to suit it"
        super().__init__(f"model {name} has {wanted} for an adapter", hint=hint or "name them in lora.target_modules")
        self.patterns = tuple(patterns)


class DatasetError(FineTuneError):
    """The data cannot be used."""


class DatasetLoadError(DatasetError):
    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        # The engine's sentences mostly begin with the place already.
        super().__init__(reason if reason.startswith(path) else f"{path}: {reason}", hint=hint)
        self.path = path


class DatasetNotFoundError(DatasetLoadError):
    def __init__(self, path: str, *, hint: str | None = None) -> None:
        super().__init__(path, "there is no such file or folder", hint=hint)


class NoTextColumnsError(DatasetError):
    def __init__(self, columns: Sequence[str], *, hint: str | None = None) -> None:
        found = ", ".join(columns) or "none"
        super().__init__(
            f"no column holds text to train on (columns: {found})", hint=hint or "name it in dataset.text_columns"
        )
        self.columns = tuple(columns)


class EmptyDatasetError(DatasetError):
    def __init__(self, path: str = "") -> None:
        super().__init__(f"{path or 'the dataset'} holds no rows")
        self.path = path


class TrainingError(FineTuneError):
    """Training failed. ``method`` is the training method's name."""

    def __init__(self, method: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{method}: {reason}" if method else reason, hint=hint)
        self.method = str(method)


class OutOfMemoryError(TrainingError):
    def __init__(self, method: str = "", reason: str = "out of memory") -> None:
        super().__init__(
            method,
            reason,
            hint="lower training.batch_size (raise gradient_accumulation_steps to match) or tokenization.max_length, "
            "or set training.gradient_checkpointing: true",
        )


class NaNLossError(TrainingError):
    def __init__(self, step: int | None = None, method: str = "") -> None:
        where = "" if step is None else f" at step {step}"
        super().__init__(method, f"the loss is not a finite number{where}", hint="lower training.learning_rate")
        self.step = step


class CheckpointError(TrainingError):
    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__("", f"checkpoint {path}: {reason}", hint=hint)
        self.path = path


class InsufficientVRAMError(TrainingError):
    """``need`` and ``have`` are GB of graphics memory."""

    def __init__(self, need: float, have: float) -> None:
        super().__init__("", f"{need:g} GB of graphics memory are needed and {have:g} GB are there")
        self.need, self.have = need, have


class MethodNotImplementedError(FineTuneError):
    def __init__(self, method: str, *, hint: str | None = None) -> None:
        super().__init__(
            f"training method {method} is not supported",
            hint=hint or "use lora, qlora, instruction_tuning or full_finetuning",
        )
        self.method = str(method)


class EvaluationError(FineTuneError):
    """Something could not be measured."""


class MetricComputationError(EvaluationError):
    def __init__(self, metric: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{metric}: {reason}", hint=hint)
        self.metric = str(metric)
