"""The options every command shares, accepted before or after the command's name."""

from __future__ import annotations

import functools
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from forgelm.base.processes import read_place
from forgelm.base.redact import redact_text

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True)
class Shared:
    """How the command talks. ``log_level`` is ``None`` until the user or the output format sets it."""

    as_json: bool = False
    quiet: bool = False
    log_level: str | None = None


class Number(click.FloatRange):
    """A number, within limits where they are given; neither infinite nor NaN, which no limit keeps out."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--output-format``, ``-q`` and ``--log-level``: they end up in ``Shared`` and set the log up."""

    @functools.wraps(command)
    def with_log(*arguments: Any, **options: Any) -> Any:
        set_up_logging(shared(click.get_current_context()))
        return command(*arguments, **options)

    wrapped: Callable[..., Any] = with_log
    for decorate in (
        click.option(
            "--log-level",
            type=click.Choice(_LEVELS, case_sensitive=False),
            expose_value=False,
            callback=_remember,
            help="How much to log on stderr (default INFO).",
        ),
        click.option(
            "-q", "--quiet", is_flag=True, expose_value=False, callback=_remember, help="Log warnings and errors only."
        ),
        click.option(
            "--output-format",
            type=click.Choice(["text", "json"]),
            expose_value=False,
            callback=_remember,
            help="json prints exactly one JSON document on stdout (default text).",
        ),
    ):
        wrapped = decorate(wrapped)
    return wrapped


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``, the short form for what is mostly read by programs."""
    said = "The same as --output-format json."
    option = click.option("--json", "as_json", is_flag=True, expose_value=False, callback=_remember, help=said)
    return option(command)


def shared(context: click.Context) -> Shared:
    """Return the shared options as given so far on the command line."""
    found = context.find_root().obj
    return found if isinstance(found, Shared) else Shared()


def wants_json(arguments: Sequence[str]) -> bool:
    """Tell from the raw arguments whether JSON was asked for, which a usage error must know before parsing ends."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    return any(
        one in ("--output-format=json", "--json") or (one == "--output-format" and two == "json") for one, two in pairs
    )


def set_up_logging(options: Shared) -> None:
    """Send this package's log to stderr. JSON and ``-q`` leave warnings and errors, other processes errors only."""
    if not sys.stderr.isatty():
        for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
            os.environ.setdefault(name, "1")
    level = options.log_level or ("WARNING" if options.quiet or options.as_json else "INFO")
    # What all processes of a training have to say is said once.
    level = level if read_place().first else "ERROR"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s [%(levelname)s] %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("forgelm").setLevel(level)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    _keep_handlers_off("huggingface_hub")
    logging.captureWarnings(True)
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", category=DeprecationWarning, module="forgelm")


def _keep_handlers_off(name: str) -> None:
    """Let a library's lines reach this log only: the handler it adds says each a second time, and redacts nothing."""
    logger = logging.getLogger(name)
    logger.handlers.clear()
    setattr(logger, "addHandler", lambda handler: None)  # noqa: B010


class _Redacting(logging.Formatter):
    """Leaves no credential in a line, whoever wrote it: a token may stand where the name of a model was meant."""

    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value in (None, False):
        return
    root = context.find_root()
    now = shared(context)
    if parameter.name == "output_format":
        root.obj = replace(now, as_json=value == "json")
    elif parameter.name == "as_json":
        root.obj = replace(now, as_json=True)
    elif parameter.name == "quiet":
        root.obj = replace(now, quiet=True)
    else:
        root.obj = replace(now, log_level=value.upper())
