"""First configurations that need more than the bundled model: a template and this machine to YAML, with the reason."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.base.files import storage_errors, write_text
from forgelm.model.hardware import read_torch

GB = 1 << 30
EMBEDDED = "builtin/ember"


@dataclass(frozen=True)
class Starter:
    """A kind of task: which models suit it, and the rows that come with it, if there are any."""

    name: str
    title: str
    description: str
    primary_model: str
    fallback_model: str
    trainer_type: str
    estimated_minutes: int
    min_vram_for_primary_gb: float
    bundled_dataset: bool
    license_note: str
    settings: str


@dataclass(frozen=True)
class Choice:
    """The model that was chosen, and why. ``quantised``: its base is loaded in 4 bits."""

    model: str
    reason: str
    quantised: bool = False


@dataclass(frozen=True)
class Started:
    """What was written, and what it will train on."""

    config_path: str
    dataset: str
    choice: Choice


_SUPPORT = Starter(
    name="customer-support",
    title="A shop's customer service",
    description="Learns the tone and the rules of a made-up online shop from 58 bundled conversations.",
    primary_model="Qwen/Qwen2.5-7B-Instruct",
    fallback_model="HuggingFaceTB/SmolLM2-1.7B-Instruct",
    trainer_type="sft",
    estimated_minutes=15,
    min_vram_for_primary_gb=10.0,
    bundled_dataset=True,
    license_note="The rows were written for ForgeLM (Apache-2.0); the models are Apache-2.0.",
    settings="  num_train_epochs: 3\n  learning_rate: 2e-4\n",
)
_CODE = Starter(
    name="code-assistant",
    title="Small Python tasks",
    description="Learns to answer with short, tried Python from 59 bundled tasks.",
    primary_model="Qwen/Qwen2.5-Coder-7B-Instruct",
    fallback_model="Qwen/Qwen2.5-Coder-1.5B-Instruct",
    trainer_type="sft",
    estimated_minutes=25,
    min_vram_for_primary_gb=10.0,
    bundled_dataset=True,
    license_note="The rows were written for ForgeLM (Apache-2.0); the models are Apache-2.0.",
    settings="  num_train_epochs: 3\n  learning_rate: 2e-4\n",
)
_DOMAIN = Starter(
    name="domain-expert",
    title="A model for your own field",
    description="Fine-tunes an assistant on your own conversations or questions; give them with --dataset.",
    primary_model="Qwen/Qwen2.5-7B-Instruct",
    fallback_model="HuggingFaceTB/SmolLM2-1.7B-Instruct",
    trainer_type="sft",
    estimated_minutes=20,
    min_vram_for_primary_gb=10.0,
    bundled_dataset=False,
    license_note="No data is included; the models are Apache-2.0.",
    settings="  num_train_epochs: 3\n  learning_rate: 2e-4\n",
)
_MATHS = Starter(
    name="grpo-math",
    title="Sums in words, learnt from rewards",
    description="Draws answers to 40 bundled sums and rewards those that are right and end as asked.",
    primary_model="Qwen/Qwen2.5-Math-7B-Instruct",
    fallback_model="Qwen/Qwen2.5-Math-1.5B-Instruct",
    trainer_type="grpo",
    estimated_minutes=45,
    min_vram_for_primary_gb=12.0,
    bundled_dataset=True,
    license_note="The rows were generated for ForgeLM (Apache-2.0); the models are Apache-2.0.",
    settings=(
        "  num_train_epochs: 1\n  learning_rate: 1e-5\n  grpo_num_generations: 4\n"
        "  grpo_max_completion_length: 256\n"
        "  grpo_rewards: [correctness, format, length]\n  grpo_reward_weights: [1.0, 0.5, 0.1]\n"
    ),
)
STARTERS = MappingProxyType({starter.name: starter for starter in (_SUPPORT, _CODE, _DOMAIN, _MATHS)})


def largest_gpu_gb() -> float | None:
    """Return the memory (2^30 bytes) of the largest GPU here; ``None`` without one, or without torch to ask."""
    try:
        found = read_torch().devices
    except OptionalDependencyError:
        return None
    return max((size / GB for _, size in found), default=None)


def choose_model(starter: Starter, vram_gb: float | None, *, model: str | None = None, offline: bool = False) -> Choice:
    """Return the model for a machine whose largest GPU has ``vram_gb``; ``offline`` leaves the bundled one."""
    quantised = vram_gb is not None
    if model is not None:
        return Choice(model, "given with --model", quantised)
    if offline:
        return Choice(EMBEDDED, "this machine is told to stay offline, and this model is part of the package")
    least = starter.min_vram_for_primary_gb
    if vram_gb is None:
        return Choice(starter.fallback_model, f"no GPU was found; {starter.primary_model} needs {least:g} GB of one")
    if vram_gb < least:
        why = f"the largest GPU has {vram_gb:.1f} GB, and {starter.primary_model} needs {least:g} GB"
        return Choice(starter.fallback_model, why, quantised)
    return Choice(starter.primary_model, f"the largest GPU has {vram_gb:.1f} GB, {least:g} GB are enough", quantised)


def write_starter(
    starter: Starter, choice: Choice, *, dataset: str | None = None, output: str | None = None
) -> Started:
    """Write the config, with the bundled rows beside it unless ``dataset`` (a file, a folder or a hub id) is given.

    Raises:
        ConfigError: a file exists already, or the template has no rows of its own and none are given.
        StorageError: the folder cannot be written.
    """
    if dataset is None and not starter.bundled_dataset:
        raise ConfigError(f"{starter.name} has no rows of its own", hint="give yours with --dataset PATH")
    now = datetime.now()
    default = Path("configs") / f"{starter.name}-{now:%Y%m%d-%H%M%S}" / "config.yaml"
    path = (Path(output) if output else default).absolute()
    rows = path.parent / "train.jsonl"
    for there in (path, *([rows] if dataset is None else [])):
        if there.exists():
            raise ConfigError(f"{there} exists already", hint="give another --output")
    with storage_errors(str(path.parent)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if dataset is None:
            source = files("forgelm.assist") / starter.name.replace("-", "_") / "train.jsonl"
            shutil.copyfile(str(source), rows)
    named = str(rows) if dataset is None else _absolute(dataset)
    write_text(path, _render(starter, choice, named, path.parent, now))
    return Started(str(path), named, choice)


def _absolute(dataset: str) -> str:
    """Return a local path in full, so that the config works from anywhere; a hub id stays as it is."""
    return str(Path(dataset).absolute()) if Path(dataset).exists() else dataset


def _render(starter: Starter, choice: Choice, dataset: str, folder: Path, now: datetime) -> str:
    reason = choice.reason.replace("\n", " ")
    return (
        f"# Written by 'forgelm quickstart {starter.name}' on {now:%Y-%m-%d}. {starter.title}.\n"
        f"# Model: {reason}.\n"
        f"# Licence: {starter.license_note}\n\n"
        f"model:\n  name_or_path: {_quote(choice.model)}\n"
        f"  max_length: {128 if choice.model == EMBEDDED else 2048}\n"
        f"  load_in_4bit: {str(choice.quantised).lower()}\n"
        f"  offline: {str(choice.model == EMBEDDED).lower()}\n\n"
        "lora:\n  r: 16\n  alpha: 32\n\n"
        f"training:\n  output_dir: {_quote(str(folder / 'run'))}\n  trainer_type: {starter.trainer_type}\n"
        f"  per_device_train_batch_size: 4\n{starter.settings}  report_to: none\n\n"
        f"data:\n  dataset_name_or_path: {_quote(dataset)}\n"
    )


def _quote(text: str) -> str:
    """Return ``text`` as a double-quoted YAML scalar, which JSON's is."""
    return json.dumps(text)
