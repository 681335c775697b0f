"""The answers given so far to a file only their owner can read, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from forgelm.base.errors import ConfigError
from forgelm.base.files import replacing
from forgelm.config.source import read_source

_VERSION = 1


@dataclass(frozen=True)
class Given:
    """An answer: a value, or with ``kept`` the default as it stands in the schema."""

    value: Any = None
    kept: bool = False


@dataclass(frozen=True)
class Answers:
    """Answers by path, in the order they were given, and the sections of the file that was begun with."""

    given: Mapping[str, Given] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)

    def with_answer(self, path: str, answer: Given) -> Answers:
        return Answers({**{key: old for key, old in self.given.items() if key != path}, path: answer}, self.base)

    def without(self, path: str) -> Answers:
        return Answers({key: old for key, old in self.given.items() if key != path}, self.base)


def find_state(environ: Mapping[str, str]) -> Path:
    """Return where the answers are kept."""
    return Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "forgelm" / "wizard_state.yaml"


def load_answers(path: Path) -> Answers | None:
    """Return the answers kept at ``path``, or ``None`` where none are.

    Raises:
        ConfigError: the file is there and holds something else.
    """
    try:
        data = read_source(path.read_text("utf-8"), str(path)).data
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", hint="remove it to begin anew") from error
    if (
        not isinstance(data, dict)
        or data.get("version") != _VERSION
        or not isinstance(data.get("answers"), list)
        or not isinstance(data.get("base", {}), dict)
    ):
        raise ConfigError(f"{path}: holds no answers of this version", hint="remove it, or begin anew with --fresh")
    try:
        given = {str(item["path"]): Given(item.get("value"), bool(item.get("kept"))) for item in data["answers"]}
    except (TypeError, KeyError, AttributeError):
        raise ConfigError(f"{path}: an answer cannot be read", hint="remove it, or begin anew with --fresh") from None
    return Answers(given, data.get("base", {}))


def save_answers(path: Path, answers: Answers) -> None:
    """Replace the file at ``path``, readable by its owner alone.

    Raises:
        StorageError: it could not be written.
    """
    kept = [
        {"path": name, "kept": True} if given.kept else {"path": name, "value": given.value}
        for name, given in answers.given.items()
    ]
    record = {"version": _VERSION, "answers": kept, "base": dict(answers.base)}
    with replacing(path) as stream:
        os.chmod(stream.name, 0o600)
        stream.write(yaml.safe_dump(record, sort_keys=False, allow_unicode=True).encode("utf-8"))
