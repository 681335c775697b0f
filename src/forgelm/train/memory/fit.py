"""Whether a training fits a GPU, and which changes of the YAML would make it fit: each tried with the same estimate."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from forgelm.base.errors import ConfigError
from forgelm.base.network import private
from forgelm.config.model import LoraConfig
from forgelm.config.root import ForgeConfig
from forgelm.model.architecture import Architecture, read_model_shapes
from forgelm.model.gpus import Gpu, current_gpu
from forgelm.model.hardware import Hardware
from forgelm.model.precision import recomputes_activations
from forgelm.train.memory.estimate import GB, Estimate, Place, as_breakdown, estimate_memory

Verdict = Literal["FITS", "TIGHT", "OOM", "UNKNOWN"]
FITS_BELOW, TIGHT_BELOW = 0.85, 0.95
_SHORTEST = 512
# A GPU nobody has named: what most training machines have had since 2020.
_ASSUMED = Hardware("cuda", bf16=True, fp16=True, gpu_names=())


@dataclass(frozen=True)
class Change:
    """Fields to set, by dotted path, and what the estimate says then."""

    fields: Mapping[str, Any]
    estimated_gb: float
    verdict: Verdict

    def __str__(self) -> str:
        fields = ", ".join(f"{path}: {_shown(value)}" for path, value in self.fields.items())
        return f"{fields} ({self.estimated_gb:.1f} GB, {self.verdict})"


@dataclass(frozen=True)
class FitCheck:
    """The answer. Gigabytes are 2^30 bytes; ``available_gb`` is ``None`` where there is no GPU and none was named."""

    verdict: Verdict
    estimate: Estimate
    architecture: Architecture
    gpu: Gpu | None
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    def as_record(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "estimated_gb": round(self.estimate.total / GB, 3),
            "available_gb": round(self.gpu.available_gb, 3) if self.gpu else None,
            "hypothetical": self.gpu is None or self.gpu.hypothetical,
            "gpu": self.gpu.name if self.gpu else None,
            "breakdown": as_breakdown(self.estimate, self.architecture),
            "recommendations": [str(change) for change in self.changes],
            "changes": [
                {"set": dict(change.fields), "estimated_gb": round(change.estimated_gb, 3), "verdict": change.verdict}
                for change in self.changes
            ],
            "notes": list(self.notes),
        }


def check_fit(config: ForgeConfig, gpu: Gpu | None = None, *, gpus: int = 1) -> FitCheck:
    """Estimate ``config`` for each of ``gpus`` like ``gpu``, or like the one here. No weights and no data are read.

    Raises:
        ModelError: the model's configuration cannot be read, or the GPU cannot do what was asked.
    """
    with private(offline=config.model.offline):
        architecture = read_model_shapes(config)
    return judge_fit(architecture, config, gpu or current_gpu(), gpus=gpus)


def judge_fit(architecture: Architecture, config: ForgeConfig, gpu: Gpu | None, *, gpus: int = 1) -> FitCheck:
    """Return the verdict on ``architecture`` under ``config``; pure but for whether bitsandbytes is here."""
    place = place_of(gpu, gpus)
    estimate = estimate_memory(architecture, config, place)
    verdict = decide_fit(estimate.total / GB, gpu, guessed=_is_nothing_known(architecture))
    changes: tuple[Change, ...] = ()
    if gpu is not None and estimate.total / GB > FITS_BELOW * gpu.available_gb:
        changes = tuple(find_changes(architecture, config, gpu, gpus=gpus))
    return FitCheck(verdict, estimate, architecture, gpu, changes, tuple(_notes(architecture, config, gpu, estimate)))


def place_of(gpu: Gpu | None, gpus: int = 1) -> Place:
    """Return where ``gpu`` trains: one that is not here is taken to have bitsandbytes beside it."""
    if gpu is not None and not gpu.hypothetical:
        return Place(gpu.hardware, bitsandbytes=importlib.util.find_spec("bitsandbytes") is not None, gpus=gpus)
    return Place(gpu.hardware if gpu else _ASSUMED, gpus=gpus)


def decide_fit(estimated_gb: float, gpu: Gpu | None, *, guessed: bool = False) -> Verdict:
    """Return FITS up to 85 % of what is available, TIGHT up to 95 %, else OOM; UNKNOWN without anything to compare."""
    if gpu is None or guessed:
        return "UNKNOWN"
    share = estimated_gb / gpu.available_gb if gpu.available_gb > 0 else float("inf")
    return "FITS" if share <= FITS_BELOW else "TIGHT" if share <= TIGHT_BELOW else "OOM"


def find_changes(architecture: Architecture, config: ForgeConfig, gpu: Gpu, *, gpus: int = 1) -> Iterator[Change]:
    """Yield single changes that make ``config`` fit; where none does, the mildest ones together that do.

    Nothing is yielded that was not tried: each change carries the estimate it leads to.
    """
    found, trial = False, Trial(architecture, config, gpu, gpus)
    for fields in _possible_changes(config, gpu, gpus):
        change = trial.run(fields)
        if change is not None and change.verdict == "FITS":
            found = True
            yield change
    if not found and (together := _try_together(trial)) is not None:
        yield together


def apply_changes(config: ForgeConfig, fields: Mapping[str, Any]) -> ForgeConfig | None:
    """Return ``config`` with ``fields`` set, or ``None`` where they cannot be set together with the rest."""
    try:
        for path, value in fields.items():
            if path == "lora":
                config = config.model_copy(update={"lora": LoraConfig.model_validate(value)})
            else:
                config = config.replace(path, value)
    except ConfigError:
        return None
    return config


@dataclass(frozen=True)
class Trial:
    """Tries changes of one configuration on one model and GPU."""

    architecture: Architecture
    config: ForgeConfig
    gpu: Gpu
    gpus: int

    def run(self, fields: Mapping[str, Any]) -> Change | None:
        """Return what the estimate says with ``fields``, or ``None`` where they cannot be set."""
        changed = apply_changes(self.config, fields)
        if changed is None:
            return None
        try:
            estimate = estimate_memory(self.architecture, changed, place_of(self.gpu, self.gpus))
        except ConfigError:
            return None
        return Change(fields, estimate.total / GB, decide_fit(estimate.total / GB, self.gpu))


def _try_together(trial: Trial) -> Change | None:
    """Add one change after the other, the mildest first, each only if it helps, until the training fits."""
    steps: list[dict[str, Any]] = []
    unchanged = trial.run({})
    best = unchanged.estimated_gb if unchanged else float("inf")
    for step in _possible_changes(trial.config, trial.gpu, trial.gpus):
        change = trial.run(_join([*steps, step]))
        if change is None or change.estimated_gb >= best:
            continue
        steps.append(step)
        best = change.estimated_gb
        if change.verdict == "FITS":
            return _without_needless(trial, steps, change)
    return None


def _without_needless(trial: Trial, steps: list[dict[str, Any]], change: Change) -> Change:
    """Take away what a later change made needless."""
    for step in list(steps):
        fewer = [other for other in steps if other is not step]
        without = trial.run(_join(fewer))
        if without is not None and without.verdict == "FITS":
            steps, change = fewer, without
    return change


def _join(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {path: value for step in steps for path, value in step.items()}


def _possible_changes(config: ForgeConfig, gpu: Gpu, gpus: int) -> Iterator[dict[str, Any]]:
    """What might help, the mildest first."""
    yield from _without_loss(config, gpu, gpus)
    yield from _smaller_batches(config)
    yield from _with_compromise(config)
    yield from _shorter(config)


def _without_loss(config: ForgeConfig, gpu: Gpu, gpus: int) -> Iterator[dict[str, Any]]:
    """What changes nothing about what is learnt."""
    if not recomputes_activations(config.training, gpu.hardware):
        yield {"training.gradient_checkpointing": True}
    if "use_liger_kernel" in type(config.training).model_fields and not _uses_liger(config):
        yield {"training.use_liger_kernel": True}
    if config.training.trainer_type == "dpo" and not config.training.asks_reference_once(gpus):
        yield {"training.precompute_ref_log_probs": True}
    if config.training.merge_adapters:
        yield {"training.merge_adapters": False}


def _smaller_batches(config: ForgeConfig) -> Iterator[dict[str, Any]]:
    """Halve the micro-batch and keep the rows of an optimizer step."""
    training = config.training
    rows, steps = training.per_device_train_batch_size, training.gradient_accumulation_steps
    least = 2 if training.trainer_type == "kto" else 1
    while rows % 2 == 0 and rows // 2 >= least:
        rows, steps = rows // 2, steps * 2
        yield {"training.per_device_train_batch_size": rows, "training.gradient_accumulation_steps": steps}


def _with_compromise(config: ForgeConfig) -> Iterator[dict[str, Any]]:
    """What learns nearly the same."""
    if config.lora is None:
        if config.training.optim is None or not any(word in config.training.optim for word in ("8bit", "adafactor")):
            yield {"training.optim": "adamw_8bit"}
        yield {"lora": {"r": 16, "alpha": 32, "target_modules": "all-linear"}}
        yield {"lora": {"r": 16, "alpha": 32, "target_modules": "all-linear"}, "model.load_in_4bit": True}
        return
    if not config.model.load_in_4bit and config.lora.method != "pissa":
        yield {"model.load_in_4bit": True}
    if config.lora.r > 16:
        yield {"lora.r": 16}


def _shorter(config: ForgeConfig) -> Iterator[dict[str, Any]]:
    """Shorter sequences, which cut rows that are longer: the last resort."""
    length = config.model.max_length
    while length // 2 >= _SHORTEST:
        length //= 2
        yield {"model.max_length": length}


def _notes(architecture: Architecture, config: ForgeConfig, gpu: Gpu | None, estimate: Estimate) -> Iterator[str]:
    if gpu is None:
        yield "there is no GPU here and none was named (--gpu): the estimate is for a GPU that computes in bfloat16"
    if architecture.note:
        yield architecture.note
    yield from estimate.precision.notes
    yield (
        f"the largest batch is taken to be {config.training.per_device_train_batch_size} rows of model.max_length "
        f"({config.model.max_length}) tokens; data with shorter rows takes less"
    )


def _is_nothing_known(architecture: Architecture) -> bool:
    return architecture.note is not None and "its name says no size" in architecture.note


def _uses_liger(config: ForgeConfig) -> bool:
    return bool(getattr(config.training, "use_liger_kernel", False))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)
