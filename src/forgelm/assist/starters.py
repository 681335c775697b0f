"""A template and this machine into a first configuration: the model that fits, the reason, and the rows beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from forgelm.assist.templates import EMBEDDED, Template
from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.base.files import storage_errors, write_text
from forgelm.config.root import ForgeConfig
from forgelm.data.local import find_local
from forgelm.data.prepare import prepare_run
from forgelm.model.hardware import read_torch

GB = 1 << 30
LOG = "quickstart_audit.jsonl"
_ROWS = "data"
# What the bundled model reads at most, and so long that no bundled row is cut.
_EMBEDDED_LENGTH = 1024


@dataclass(frozen=True)
class Choice:
    """The model that was chosen, and why. ``quantised``: its base is loaded in 4 bits; ``given``: the user named it."""

    model: str
    reason: str
    quantised: bool = False
    vram_gb: float | None = None
    given: bool = False


@dataclass(frozen=True)
class Started:
    """What was written, and what it will train on; ``own_rows`` are the user's."""

    config_path: str
    dataset: str
    choice: Choice
    own_rows: bool = False


def largest_gpu_gb() -> float | None:
    """Return the memory (2^30 bytes) of the largest GPU here; ``None`` without one, or without torch to ask."""
    try:
        found = read_torch().devices
    except OptionalDependencyError:
        return None
    return max((size / GB for _, size in found), default=None)


def choose_model(
    template: Template, vram_gb: float | None, *, model: str | None = None, offline: bool = False
) -> Choice:
    """Return the model for a machine whose largest GPU has ``vram_gb``; ``offline`` leaves the bundled one."""
    quantised = vram_gb is not None
    if model is not None:
        return Choice(model, "given with --model", quantised and model != EMBEDDED, vram_gb, given=True)
    if template.primary_model == EMBEDDED:
        return Choice(EMBEDDED, "this template is about the model in this package", vram_gb=vram_gb)
    if offline:
        why = "this machine is told to stay offline, and this model is part of the package"
        return Choice(EMBEDDED, why, vram_gb=vram_gb)
    least = template.min_vram_for_primary_gb
    if vram_gb is None:
        return Choice(template.fallback_model, f"no GPU was found; {template.primary_model} needs {least:g} GB of one")
    if vram_gb < least:
        why = f"the largest GPU has {vram_gb:.1f} GB, and {template.primary_model} needs {least:g} GB"
        return Choice(template.fallback_model, why, quantised, vram_gb)
    why = f"the largest GPU has {vram_gb:.1f} GB, {least:g} GB are enough"
    return Choice(template.primary_model, why, quantised, vram_gb)


def write_starter(
    template: Template, choice: Choice, *, dataset: str | None = None, output: str | None = None
) -> Started:
    """Write the config, with the bundled rows beside it unless ``dataset`` (a file, a folder or a hub id) is given.

    Local rows are read before anything is written; what a hub holds is seen when the config is run.

    Raises:
        ConfigError: a file exists already, or the template has no rows of its own and none are given.
        DataError: local rows are not there, or cannot be trained on as the template does.
        StorageError: the folder cannot be written.
    """
    if dataset is None and not template.bundled_dataset:
        raise ConfigError(f"{template.name} has no rows of its own", hint="give yours with --dataset PATH")
    path = place_config(template, output, [_ROWS] if dataset is None else [])
    named = _absolute(dataset) if dataset else str(path.parent / _ROWS)
    text = _render(template, choice, named, path.parent)
    if dataset is None:
        copy_rows(template, path.parent / _ROWS)
    elif find_local(dataset):
        prepare_run(ForgeConfig.model_validate(yaml.safe_load(text)))
    write_text(path, text)
    return Started(str(path), named, choice, own_rows=dataset is not None)


def propose_sections(template: Template, choice: Choice) -> dict[str, Any]:
    """Return the sections of the template's config, less the rows and the output folder, which are the user's own."""
    sections: dict[str, Any] = yaml.safe_load(_render(template, choice, "", Path()))
    del sections["data"], sections["training"]["output_dir"]
    return sections


def place_config(template: Template, output: str | None, beside: Sequence[str]) -> Path:
    """Return the absolute path of the config to write: ``output``, or one in a new folder named after the template.

    Raises:
        ConfigError: it, or one of the files that go ``beside`` it, exists already.
    """
    default = Path("configs") / f"{template.name}-{datetime.now():%Y%m%d-%H%M%S}" / "config.yaml"
    path = (Path(output) if output else default).absolute()
    for there in (path, *(path.parent / name for name in beside)):
        if there.exists():
            raise ConfigError(f"{there} exists already", hint="give another --output, in a folder of its own")
    return path


def copy_rows(template: Template, folder: Path) -> None:
    """Put the template's rows into ``folder``, which is made where it is not.

    Raises:
        StorageError: the folder cannot be written.
    """
    bundled = Path(str(files("forgelm.assist") / template.folder))
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(bundled.glob("*.jsonl")):
            shutil.copyfile(source, folder / source.name)


def log_choice(template: Template, started: Started, *, dry_run: bool) -> Path:
    """Add a line beside the config that says which model was chosen, and why; return its file.

    Raises:
        StorageError: it cannot be written.
    """
    choice = started.choice
    entry = {
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "event_type": "quickstart.model_selection",
        "template": template.name,
        "template_primary_model": template.primary_model,
        "template_fallback_model": template.fallback_model,
        "template_min_vram_for_primary_gb": template.min_vram_for_primary_gb,
        "available_vram_gb": choice.vram_gb,
        "chosen_model": choice.model,
        "selection_reason": choice.reason,
        "model_override_used": choice.given,
        "dataset_override_used": started.own_rows,
        "dry_run": dry_run,
    }
    path = Path(started.config_path).parent / LOG
    with storage_errors(str(path)), path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return path


def _absolute(dataset: str) -> str:
    """Return a local path in full, so that the config works from anywhere; a hub id stays as it is."""
    return str(Path(dataset).absolute()) if Path(dataset).exists() else dataset


def _render(template: Template, choice: Choice, dataset: str, folder: Path) -> str:
    embedded = choice.model == EMBEDDED
    remarks = [
        f"Written by 'forgelm quickstart {template.name}' on {datetime.now():%Y-%m-%d}. {template.title}.",
        f"Model: {choice.reason}.",
        f"Licence: {template.license_note}",
        *([f"{template.warning}."] if template.warning else []),
    ]
    return (
        "".join(f"# {' '.join(remark.split())}\n" for remark in remarks)
        + f"\nmodel:\n  name_or_path: {_quote(choice.model)}\n"
        f"  max_length: {_EMBEDDED_LENGTH if embedded else 2048}\n"
        f"  load_in_4bit: {str(choice.quantised).lower()}\n"
        f"  offline: {str(embedded).lower()}\n\n"
        "lora:\n  r: 16\n  alpha: 32\n\n"
        f"training:\n  output_dir: {_quote(str(folder / 'run'))}\n  trainer_type: {template.trainer_type}\n"
        f"  per_device_train_batch_size: 4\n{template.settings}  report_to: none\n\n"
        f"data:\n  dataset_name_or_path: {_quote(dataset)}\n"
        # A small model may never be right, and then every reward is the same: that must not pass for learning.
         + ("\nevaluation:\n  auto_revert: true\n" if template.trainer_type == "grpo" else "")
    )


def _quote(text: str) -> str:
    """Return ``text`` as a double-quoted YAML scalar, which JSON's is."""
    return json.dumps(text, ensure_ascii=False)
