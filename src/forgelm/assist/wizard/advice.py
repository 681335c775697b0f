"""The answers so far and a GPU to proposals that fit it, as ``forgelm recommend`` would choose them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from forgelm.assist.recommend import Wanted, recommend
from forgelm.base.errors import ForgeError
from forgelm.model.gpus import Gpu

_ADVISED = frozenset(
    {
        *("lora", "model.load_in_4bit", "model.max_length", "training.learning_rate"),
        *("training.per_device_train_batch_size", "training.gradient_accumulation_steps"),
        "training.gradient_checkpointing",
    }
)


@dataclass(frozen=True)
class Advice:
    """Values by path, and a line about why; no values where nothing can be said."""

    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    why: str = ""


def advise(path: str, sections: Mapping[str, Any], find_gpu: Callable[[], Gpu | None]) -> Advice:
    """Return what fits the GPU for the model, trainer and dataset of ``sections``; nothing is fetched to find out.

    Another decision about the adapter than the one advised leaves no advice: the rest of it was about that.
    """
    if path not in _ADVISED:
        return Advice()
    model, dataset = sections["model"].get("name_or_path"), sections["data"].get("dataset_name_or_path")
    gpu = find_gpu() if model and dataset else None
    if gpu is None:
        return Advice()
    trainer = sections["training"].get("trainer_type", "sft")
    advice = _advise(Wanted(model, dataset, trainer, offline=True), gpu)
    agreed = path == "lora" or advice.values.get("lora") is (sections["lora"] is not None)
    return advice if agreed else Advice()


@lru_cache(maxsize=8)
def _advise(wanted: Wanted, gpu: Gpu) -> Advice:
    try:
        found = recommend(wanted, gpu)
    except ForgeError:
        return Advice()
    chosen = found.config.model_dump(mode="json")
    values = {"lora": chosen["lora"] is not None}
    for path in _ADVISED - values.keys():
        section, _, name = path.partition(".")
        values[path] = chosen[section][name]
    return Advice(MappingProxyType(values), f"{found.method} fits {gpu.name} with {gpu.available_gb:.0f} GB")
