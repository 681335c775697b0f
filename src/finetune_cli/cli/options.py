"""What every command shares: ``--json``, quiet libraries, and how an error is shown."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from forgelm.cli.options import Shared, set_up_logging

_LEVELS = ("debug", "info", "warning", "error", "critical")


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``: exactly one JSON document on stdout."""
    decorate = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
    wrapped: Callable[..., Any] = decorate(command)
    return wrapped


def log_option(command: Callable[..., Any]) -> Callable[..., Any]:
    decorate = click.option(
        "--log-level", type=click.Choice(_LEVELS, case_sensitive=False), default="warning", help="How much to log."
    )
    wrapped: Callable[..., Any] = decorate(command)
    return wrapped


def wants_json(arguments: Sequence[str]) -> bool:
    """Tell from the raw arguments whether JSON was asked for, which a usage error must know before parsing ends."""
    return "--json" in arguments


@contextlib.contextmanager
def quietly(*, as_json: bool, log_level: str = "warning") -> Iterator[Shared]:
    """Keep stdout for the reply and the libraries' chatter off the screen inside the block."""
    level = "ERROR" if log_level == "critical" else log_level.upper()
    options = Shared(as_json=as_json, log_level=level)
    set_up_logging(options)
    logging.getLogger("finetune_cli").setLevel(level)
    with contextlib.redirect_stdout(sys.stderr):
        yield options


def split_words(text: str) -> list[str]:
    """Return the words of a list separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]
