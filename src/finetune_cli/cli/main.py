"""The ``finetune-cli`` command's top level: finds the command, runs it, prints its reply. The only exit."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import NoReturn

import click

from finetune_cli.cli.options import wants_json
from finetune_cli.core.exceptions import FineTuneError
from finetune_cli.core.translate import one_line
from forgelm.base.errors import ForgeError, StoppedError
from forgelm.cli.render import Reply, note, show

OK, FAILED, USAGE = 0, 1, 2
COMMANDS = MappingProxyType(
    {
        "train": "Fine-tune a model on a dataset.",
        "evaluate": "Score a model on a dataset.",
        "benchmark": "Score a base and a fine-tuned model on the same rows.",
        "merge": "Merge a LoRA adapter into its base model.",
        "recommend": "Recommend a training method for a model and write its configuration.",
        "upload": "Upload a model to the Hugging Face Hub.",
        "convert": "Turn a configuration into one of forgelm.",
    }
)


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is run; ``--help`` needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(importlib.import_module(f"finetune_cli.cli.{cmd_name}"), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forgelm", message="finetune-cli (ForgeLM %(version)s)")
def finetune_cli() -> None:
    """Fine-tune, evaluate, merge and publish language models over the ForgeLM engine."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 done, 1 an error, 2 wrong usage, 75 stopped after saving a checkpoint."""
    code = run(sys.argv[1:] if arguments is None else list(arguments))
    # The reply is out and its code stands, whatever is pressed while the interpreter tidies up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    try:
        return _run(arguments, as_json=wants_json(arguments))
    except BrokenPipeError:
        # The reader went away; what is still buffered must not raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: list[str], *, as_json: bool) -> int:
    try:
        reply = finetune_cli.main(args=arguments, prog_name="finetune-cli", standalone_mode=False)
        if isinstance(reply, Reply):
            show(reply, as_json=as_json)
            return int(reply.exit_code)
        return int(reply or OK)
    except BrokenPipeError:
        raise
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see '{context.command_path} --help')" if context else ""
        return _fail(error.format_message() + hint, "UsageError", as_json=as_json, code=USAGE)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", "Interrupted", as_json=as_json)
    except StoppedError as error:
        return _fail(one_line(str(error)), "Stopped", as_json=as_json, code=int(error.exit_code))
    except (FineTuneError, ForgeError) as error:
        return _fail(_sentence(error), type(error).__name__, as_json=as_json)
    except Exception as error:  # the top: whatever went wrong becomes one line and an exit code
        logging.getLogger("finetune_cli").debug("where it went wrong", exc_info=True)
        return _fail(one_line(str(error)) or type(error).__name__, type(error).__name__, as_json=as_json)


def _sentence(error: FineTuneError | ForgeError) -> str:
    hint = f" ({error.hint})" if error.hint else ""
    return one_line(error.message) + hint


def _fail(message: str, kind: str, *, as_json: bool, code: int = FAILED) -> int:
    if as_json:
        show(Reply({"success": False, "error": message, "type": kind}, ""), as_json=True)
    else:
        note(f"Error: {message}")
    return code
