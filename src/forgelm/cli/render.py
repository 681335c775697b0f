"""The only place that prints: one JSON document or plain text on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from forgelm.base.errors import ConfigError, ExitCode, ForgeError, Problem, StoppedError
from forgelm.base.files import to_json_safe
from forgelm.base.processes import read_place
from forgelm.base.redact import redact, redact_text


@dataclass(frozen=True)
class Reply:
    """What a command has to say: an envelope for machines, a text for people, and the exit code."""

    envelope: Mapping[str, Any]
    text: str
    exit_code: ExitCode = ExitCode.OK


def show(reply: Reply, *, as_json: bool) -> None:
    """Print ``reply`` on stdout; of several processes only the first one does."""
    if not read_place().first:
        return
    if as_json:
        print(json.dumps(to_json_safe(redact(dict(reply.envelope))), ensure_ascii=False))
    elif reply.text:
        print(redact_text(reply.text))
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a piece of a conversation on stdout as it is, without ending the line."""
    print(text, end="", flush=True)


def note(text: str) -> None:
    """Print one line on stderr."""
    print(redact_text(text), file=sys.stderr, flush=True)


def show_error(error: BaseException, *, as_json: bool) -> ExitCode:
    """Print an error where it belongs and return the exit code it stands for."""
    code = error.exit_code if isinstance(error, ForgeError) else ExitCode.RUNTIME
    if not (place := read_place()).first:
        note(f"process {place.index}: {error}")
        return code
    if as_json:
        show(Reply(_error_envelope(error), ""), as_json=True)
    else:
        note(f"error: {str(error) or type(error).__name__}")
    return ExitCode(code)


def describe(problem: Problem) -> dict[str, Any]:
    """Return a problem's own fields, without those its maker may have added."""
    return {field.name: getattr(problem, field.name) for field in fields(Problem)}


def _error_envelope(error: BaseException) -> dict[str, Any]:
    message = error.message if isinstance(error, ForgeError) else str(error)
    envelope: dict[str, Any] = {"success": False, "error": message or type(error).__name__}
    if isinstance(error, ForgeError) and error.hint:
        envelope["hint"] = error.hint
    if isinstance(error, ConfigError) and error.problems:
        envelope["problems"] = [describe(problem) for problem in error.problems]
    if isinstance(error, StoppedError):
        envelope |= {"resumable": True, "checkpoint": error.checkpoint}
    return envelope


def table(rows: list[tuple[str, str]]) -> str:
    """Return two aligned columns as text."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def count(number: int, one: str, many: str) -> str:
    """Return a number of things in words: ``1 file``, ``2 files``."""
    return f"{number} {one if number == 1 else many}"
