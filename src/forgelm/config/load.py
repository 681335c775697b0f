"""Reads a configuration file and the overrides of the command line into a checked ``ForgeConfig``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.redact import redact_text
from forgelm.config.explain import Finding, Loc, dotted, summarise
from forgelm.config.root import ForgeConfig
from forgelm.config.source import Source, Spot, read_source

_MAX_BYTES = 1 << 20
_KEY = re.compile(r"[\w.]*")
_OVERRIDE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)=(.*)", re.DOTALL)


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> ForgeConfig:
    """Return the configuration in the YAML file ``path``.

    ``overrides`` are ``section.key=value`` texts, applied in order on top of the file; a value is read as YAML.

    Raises:
        ConfigError: the file cannot be read or something in it is wrong; ``problems`` lists every finding with its
            file, line and column, or the override it stands in.
    """
    source = read_source(_read_text(path), os.fspath(path))
    problems = [*_check_root(source), *source.problems]
    for override in overrides:
        problems += _apply(override, source)
    config = None
    try:
        config = ForgeConfig(**source.data)
    except ConfigError as error:
        findings = (problem for problem in error.problems if isinstance(problem, Finding))
        problems += [finding for finding in findings if finding.loc not in source.unread]
    if config is None or problems:
        located = sorted((source.locate(problem) for problem in problems), key=_order)
        raise summarise(located, os.fspath(path))
    return config


def _read_text(path: str | os.PathLike[str]) -> str:
    file = os.fspath(path)
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(file, "there is no such file") from None
    except IsADirectoryError:
        raise _unreadable(file, "this is a folder; give the YAML file in it") from None
    except (OSError, ValueError) as error:
        raise _unreadable(file, f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _MAX_BYTES:
        raise _unreadable(file, f"the file is larger than {_MAX_BYTES >> 20} MiB; a configuration never is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise _unreadable(file, "the file is not UTF-8 text; save it as UTF-8", line, column) from None


def _unreadable(file: str, message: str, line: int | None = None, column: int | None = None) -> ConfigError:
    return summarise([Finding(message, file=file, line=line, column=column)])


def _check_root(source: Source) -> list[Finding]:
    """Refuse a file without sections, and replace an empty ``lora:``, which says neither adapter nor none."""
    if source.data is None:
        raise summarise([source.locate(Finding("the file is empty", hint="see 'forgelm schema' for what it can hold"))])
    if not isinstance(source.data, dict):
        kind = "a list" if isinstance(source.data, list) else "a single value"
        raise summarise([source.locate(Finding(f"a mapping of sections is needed, got {kind}"))])
    if ("lora",) not in source.blanks:
        return []
    source.data["lora"] = {}
    hint = "write 'lora: {}' for an adapter with the defaults, or 'lora: null' to train all weights"
    return [Finding("this section is empty", loc=("lora",), at_key=True, hint=hint)]


def _apply(override: str, source: Source) -> list[Finding]:
    """Write one override into ``source`` and return what is wrong with it."""
    found = _OVERRIDE.fullmatch(override)
    if found is None:
        name = redact_text("".join(_KEY.findall(override)[:1]))
        return [Finding("an override has the form section.key=value", file=f"--set {name}")]
    file = f"--set {found[1]}"
    loc: Loc = tuple(found[1].split("."))
    try:
        value = read_source(found[2], file)
    except ConfigError as error:
        return [_without_line(problem.message, file) for problem in error.problems]
    if value.problems:
        return [_without_line(problem.message, file) for problem in value.problems]
    if not found[2].strip():
        return [Finding("there is no value", file=file, hint="write null, or '\"\"' for empty text")]
    section = _open_section(source, loc[:-1], Spot(file))
    if section is None:
        return [Finding(f"'{dotted(loc[:-1])}' is not a section", file=file)]
    section[loc[-1]] = value.data
    source.forget(loc)
    source.keys[loc] = source.values[loc] = Spot(file)
    return []


def _open_section(source: Source, loc: Loc, spot: Spot) -> dict[Any, Any] | None:
    """Return the mapping at ``loc``, made where there was nothing, or ``None`` when something else is there."""
    section: dict[Any, Any] = source.data
    for depth, part in enumerate(loc, start=1):
        if section.get(part) is None:
            section[part] = {}
            source.keys.setdefault(loc[:depth], spot)
        section = section[part]
        if not isinstance(section, dict):
            return None
    return section


def _without_line(message: str, file: str) -> Finding:
    return Finding(message, file=file, hint="put the value in quotes if it is text")


def _order(finding: Finding) -> tuple[float, float]:
    return (finding.line or float("inf"), finding.column or float("inf"))
