"""A model and a GPU into a configuration that trains there as it is, chosen with the estimate of ``--fit-check``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from forgelm.base.errors import ConfigError, ModelError
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.model.architecture import (
    Architecture,
    build_typical,
    nearest_typical,
    read_model_shapes,
    size_in_name,
)
from forgelm.model.gpus import Gpu, any_gpu, current_gpu, find_gpu, processor
from forgelm.train.memory.estimate import GB, estimate_memory
from forgelm.train.memory.fit import FitCheck, decide_fit, judge_fit, place_of

DATASET = "./data/train.jsonl"
# Below this size an adapter saves little, and training all weights learns more.
_SMALL = 0.3e9
_STEP_ROWS = 16
_LENGTHS = (4096, 2048, 1024, 512, 256)
_LONGEST = 2048
_ROWS = (16, 8, 4, 2, 1)
# Recomputing activations costs about a quarter of the time; so do batches too small to fill a GPU.
_ENOUGH_ROWS = 4


@dataclass(frozen=True)
class Wanted:
    """What is asked: the model, and what of the configuration is decided already."""

    model: str
    dataset: str = DATASET
    trainer_type: str = "sft"
    max_length: int | None = None
    offline: bool = False


@dataclass(frozen=True)
class Recommendation:
    """A configuration and what it was chosen by. ``method``: full, lora or qlora."""

    config: ForgeConfig
    method: str
    fit: FitCheck
    yaml: str

    @property
    def parameters(self) -> int:
        return self.fit.architecture.parameters


def recommend(wanted: Wanted, gpu: Gpu | None = None) -> Recommendation:
    """Return the first configuration that fits ``gpu``, or this machine, from the most to the least one would want.

    Sixteen-bit weights under an adapter come before four-bit ones, those before shorter rows; small models train all
    their weights. The rows of an optimizer step stay the same throughout.

    Raises:
        ModelError: the model cannot be read and its name says no size.
        ConfigError: nothing fits; the message says how much the smallest would take.
    """
    gpu = gpu or current_gpu() or processor()
    architecture = read_shapes(wanted.model, offline=wanted.offline)
    smallest = float("inf")
    for method, sections in _candidates(wanted, architecture, gpu):
        config = ForgeConfig(**sections)
        estimated = estimate_memory(architecture, config, place_of(gpu)).total / GB
        if decide_fit(estimated, gpu) == "FITS":
            fit = judge_fit(architecture, config, gpu)
            return Recommendation(config, method, fit, _render(wanted, sections, method, fit))
        smallest = min(smallest, estimated)
    raise ConfigError(
        f"nothing fits: {architecture.parameters / 1e9:.2f}B parameters on {gpu.name} with {gpu.available_gb:.1f} GB; "
        f"the smallest training takes {smallest:.1f} GB",
        hint="use a smaller model or a larger GPU, or share it among several: distributed.strategy: fsdp",
    )


def choose_gpu(name: str | None, vram_gb: float | None) -> Gpu | None:
    """Return the GPU that a name or a size stands for, ``None`` where neither is given.

    Raises:
        ConfigError: both are given, or there is no such GPU.
    """
    if name is not None and vram_gb is not None:
        raise ConfigError("a GPU's name says its memory; give the name or the size, not both")
    if name is not None:
        return find_gpu(name)
    return None if vram_gb is None else any_gpu(vram_gb)


def read_shapes(model: str, *, offline: bool = False) -> Architecture:
    """Return the shapes of a model: a folder's, a hub model's, or a typical one's for a size such as ``8B``.

    Raises:
        ModelError: it cannot be read and its name says no size.
    """
    if _is_size(model):
        return build_typical(nearest_typical(float(size_in_name(model) or 1)), note=f"a typical model of {model}")
    config = ForgeConfig(
        model={"name_or_path": model, "offline": offline, "load_in_4bit": False},
        lora=None,
        training={},
        data={"dataset_name_or_path": DATASET},
    )
    with private(offline=offline):
        architecture = read_model_shapes(config)
    if architecture.note is not None and size_in_name(model) is None:
        raise ModelError(
            f"{model} cannot be read here, and its name says no size: {architecture.note.partition(';')[0]}",
            hint="give a local folder with a config.json, or a number of parameters such as 8B",
        )
    return architecture


def _is_size(model: str) -> bool:
    return size_in_name(model) is not None and model.strip().rstrip("bBmM").replace(".", "", 1).strip().isdigit()


def _candidates(wanted: Wanted, architecture: Architecture, gpu: Gpu) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield configurations, the most desirable first."""
    for length in _lengths(wanted, architecture):
        for method in _methods(wanted, architecture, gpu):
            for rows, recomputes in _batches(wanted, gpu):
                yield method, _sections(wanted, method, length, rows, recomputes)


def _lengths(wanted: Wanted, architecture: Architecture) -> list[int]:
    if wanted.max_length is not None:
        return [wanted.max_length]
    longest = min(architecture.longest or _LONGEST, _LONGEST)
    return [longest, *(length for length in _LENGTHS if length < longest)]


def _methods(wanted: Wanted, architecture: Architecture, gpu: Gpu) -> Iterator[str]:
    if architecture.parameters <= _SMALL and wanted.trainer_type == "sft":
        yield "full"
    yield "lora"
    if gpu.device == "cuda":
        yield "qlora"


def _batches(wanted: Wanted, gpu: Gpu) -> Iterator[tuple[int, bool]]:
    least = 2 if wanted.trainer_type == "kto" else 1
    for rows in _ROWS:
        if rows >= _ENOUGH_ROWS:
            yield rows, False
    for rows in _ROWS:
        if rows >= least:
            yield rows, True


def _sections(wanted: Wanted, method: str, length: int, rows: int, recomputes: bool) -> dict[str, Any]:
    lora = {"r": 16, "alpha": 32, "dropout": 0.05, "target_modules": "all-linear"}
    rates = {"full": 2e-5, "lora": 2e-4, "qlora": 2e-4}
    rate = rates[method] if wanted.trainer_type == "sft" else rates[method] / 20
    return {
        "model": {
            "name_or_path": wanted.model,
            "max_length": length,
            "load_in_4bit": method == "qlora",
            **({"offline": True} if wanted.offline else {}),
        },
        "lora": None if method == "full" else lora,
        "training": {
            "output_dir": "./runs/first",
            "trainer_type": wanted.trainer_type,
            "num_train_epochs": 3,
            "per_device_train_batch_size": rows,
            "gradient_accumulation_steps": _STEP_ROWS // rows,
            "gradient_checkpointing": recomputes,
            "learning_rate": rate,
            "report_to": "none",
        },
        "data": {"dataset_name_or_path": wanted.dataset},
    }


def _render(wanted: Wanted, sections: dict[str, Any], method: str, fit: FitCheck) -> str:
    estimated, size = fit.estimate.total / GB, fit.architecture.parameters / 1e9
    gpu = fit.gpu
    lines = [
        f"# {size:.2f}B parameters, {method}: about {estimated:.1f} GB of the {gpu.available_gb:.1f} GB of {gpu.name}."
        if gpu
        else "",
        *(f"# {note[:1].upper()}{note[1:]}." for note in fit.notes),
    ]
    if _is_size(wanted.model):
        lines.append("# Put the model's name or folder in place of its size.")
    return "\n".join([*lines, yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)])
