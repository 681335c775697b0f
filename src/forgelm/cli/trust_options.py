"""The options that say what is trusted: what was kept of a log elsewhere, its secret, a private key's password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

password_option = click.option(
    "--password-env",
    default="FORGELM_KEY_PASSWORD",
    show_default=True,
    metavar="VAR",
    help="Environment variable that holds the password of an encrypted key.",
)


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--anchor``, ``--min-size`` and ``--hmac-secret-env``: what a log is compared with."""
    for decorate in (
        click.option(
            "--hmac-secret-env",
            default="FORGELM_AUDIT_SECRET",
            show_default=True,
            metavar="VAR",
            help="Environment variable that holds the secret of the log's HMAC tags.",
        ),
        click.option(
            "--min-size", type=click.IntRange(min=0), default=0, metavar="N", help="The least number of log lines."
        ),
        click.option(
            "--anchor",
            "anchors",
            type=click.Path(),
            multiple=True,
            metavar="FILE",
            help="What was kept of the log elsewhere: a checkpoint, a model_integrity.json, a model card, a statement.",
        ),
    ):
        command = decorate(command)
    return command
