"""A file of another program to a configuration file of this one, what could not be carried over in its head."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from forgelm.assist.migrate.axolotl import migrate_axolotl
from forgelm.assist.migrate.finetune_cli import migrate_finetune_cli
from forgelm.assist.migrate.llama_factory import migrate_llama_factory
from forgelm.assist.migrate.mover import Migration
from forgelm.assist.migrate.trl import TRAINERS, migrate_trl
from forgelm.base.errors import ConfigError
from forgelm.base.redact import redact_text
from forgelm.config.root import ForgeConfig
from forgelm.config.source import read_source

# A key that one program has and the others have not; the first program with one of its keys there is the one.
_SIGNS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "finetune_cli": ("tokenization", "dataset", "model"),
        "axolotl": ("base_model",),
        "llama_factory": ("finetuning_type", "stage", "cutoff_len", "lora_target", "dataset_dir"),
        "trl": ("dataset_name", "use_peft", "lora_target_modules", "model_name_or_path"),
    }
)
PROGRAMS = tuple(_SIGNS)


def read_foreign(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a YAML or JSON file of another program holds.

    Raises:
        ConfigError: it cannot be read, or holds no keys.
    """
    file = os.fspath(path)
    try:
        text = Path(file).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    data = read_source(text, file).data
    if not isinstance(data, dict) or not data:
        raise ConfigError(f"{file}: a mapping of keys to values is needed")
    return {str(key): value for key, value in data.items()}


def detect_program(values: Mapping[str, Any]) -> str:
    """Return whose configuration this is.

    Raises:
        ConfigError: it is nobody's that is known here, or ours already.
    """
    if {"model", "training", "data"} <= set(values):
        raise ConfigError("this is a configuration of forgelm already")
    for program, signs in _SIGNS.items():
        nested = program == "finetune_cli"
        found = [key for key in signs if key in values and isinstance(values[key], dict) == nested]
        if len(found) == len(signs) or (found and not nested):
            return program
    raise ConfigError("it cannot be told whose configuration this is", hint=f"say it: --from {'|'.join(PROGRAMS)}")


def migrate(values: Mapping[str, Any], program: str | None = None, *, trainer: str = "sft") -> Migration:
    """Return what ``values`` mean here; ``trainer`` is the TRL command they are for.

    Raises:
        ConfigError: the program is not known, or what was carried over is no configuration.
    """
    chosen = program or detect_program(values)
    if chosen not in PROGRAMS or trainer not in TRAINERS:
        raise ConfigError(f"there is no {'program' if chosen not in PROGRAMS else 'trainer'} of that name")
    if chosen == "trl":
        made = migrate_trl(values, trainer)
    else:
        made = {
            "axolotl": migrate_axolotl,
            "llama_factory": migrate_llama_factory,
            "finetune_cli": migrate_finetune_cli,
        }[chosen](values)
    ForgeConfig(**made.sections)
    return made


def render_migration(made: Migration, source: str) -> str:
    """Return the configuration as YAML; what was left out and what to look at stand above it as comments."""
    head = [f"# From {Path(source).name}, a configuration of {made.program}."]
    if made.left_out:
        head += ["#", "# Not carried over:", *(f"#   {one.key}: {one.reason}" for one in made.left_out)]
    if made.notes:
        head += ["#", "# To look at:", *(f"#   {note}" for note in made.notes)]
    body = yaml.safe_dump(made.sections, sort_keys=False, allow_unicode=True)
    return redact_text("\n".join(head)) + "\n\n" + body
