"""Says which training a checkpoint belongs to: all that decides its weights, so that no other one continues it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.model.load import LoadedModel
from forgelm.train.tokenise import Example

# What may change between two sessions of one training: where it writes, what it reports, how long it goes on.
MAY_CHANGE = frozenset(
    {
        "output_dir",
        "final_model_dir",
        "merge_adapters",
        "max_steps",
        "num_train_epochs",
        "eval_steps",
        "save_steps",
        "save_total_limit",
        "logging_steps",
        "early_stopping_patience",
        "per_device_eval_batch_size",
        "dataloader_num_workers",
        "dataset_num_proc",
        "report_to",
        "sample_prompts",
        "sample_max_new_tokens",
        "stop_on",
        "oom_recovery",
        "oom_recovery_min_batch_size",
        "memory_probe",
        "run_name",
        "gpu_cost_per_hour",
        "preemption_grace_seconds",
    }
)
_SAMPLE = 2**20


def describe_training(config: ForgeConfig, loaded: LoadedModel, examples: Sequence[Example]) -> dict[str, Any]:
    """Return what decides the weights of this training, flat, each with the name a user knows it by."""
    model = config.model.model_dump(mode="json", exclude={"offline", "trust_remote_code"})
    lora = config.lora.model_dump(mode="json") if config.lora else {}
    training = config.training.model_dump(mode="json", exclude=set(MAY_CHANGE))
    place = read_place()
    shared = config.distributed.model_dump(mode="json") if config.distributed else {}
    return {
        **({} if place.alone else {"processes": place.count}),
        **{f"distributed.{name}": value for name, value in shared.items()},
        **{f"model.{name}": value for name, value in model.items()},
        "lora": config.lora is not None,
        **{f"lora.{name}": value for name, value in lora.items()},
        **{f"training.{name}": value for name, value in training.items()},
        "training rows": _digest_rows(examples),
        "model revision": loaded.revision.revision_resolved,
        "model weights": _digest_weights(Path(loaded.revision.path)) if loaded.revision.is_local else None,
        "precision": [loaded.precision.load_dtype, loaded.precision.autocast, loaded.precision.four_bit],
    }


def _digest_rows(examples: Sequence[Example]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        label = example.row.value.get("label")
        columns = example.row.value.get("columns")
        for side in example.sides:
            digest.update(repr((side.input_ids, side.labels, label, columns)).encode())
        if example.scene is not None:
            digest.update(repr(example.row.value["images"]).encode())
    return f"{len(examples)} rows, {digest.hexdigest()[:16]}"


def _digest_weights(folder: Path) -> str:
    """Take size, beginning and end of each weights file: enough to tell models apart without reading gigabytes."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        with path.open("rb") as stream:
            digest.update(f"{path.name}:{size}:".encode() + stream.read(_SAMPLE))
            stream.seek(max(0, size - _SAMPLE))
            digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()[:16]
