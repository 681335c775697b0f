"""``forgelm chat``."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable
from typing import Any

import click

from forgelm.assist.chat import Conversation, WithheldError, open_model
from forgelm.assist.chat_guard import open_guard
from forgelm.base.errors import ForgeError
from forgelm.cli.options import Number, shared, shared_options
from forgelm.cli.render import Reply, note, say
from forgelm.config.safety import GUARD_FAMILIES
from forgelm.model.chat_model import Loading, check_loading

# What moves the cursor or changes the terminal; a model's text is somebody else's.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@click.command()
@click.argument("model_path")
@click.option("--adapter", type=click.Path(), help="Folder of an adapter to put on MODEL_PATH.")
@click.option("--system", metavar="PROMPT", help="The system prompt to begin with.")
@click.option(
    "--temperature",
    type=Number(0, 2),
    default=0.7,
    show_default=True,
    metavar="N",
    help="0 always takes the likeliest token.",
)
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=512, show_default=True, help="Longest reply.")
@click.option("--no-stream", is_flag=True, help="Print a reply when it is complete.")
@click.option("--load-in-4bit", is_flag=True, help="Load the weights in 4 bits.")
@click.option("--load-in-8bit", is_flag=True, help="Load the weights in 8 bits.")
@click.option("--trust-remote-code", is_flag=True, help="Run code that comes with the model.")
@click.option(
    "--backend",
    type=click.Choice(["transformers", "unsloth"]),
    default="transformers",
    show_default=True,
    help="What runs the model; unsloth needs a GPU and forgelm[unsloth].",
)
@click.option("--guard", metavar="PATH", help="Folder or hub id of a guard; what it does not find safe is not shown.")
@click.option(
    "--guard-family", type=click.Choice(GUARD_FAMILIES), help="Whose format it has, where its files don't tell."
)
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@shared_options
@click.pass_context
def chat(
    context: click.Context,
    /,
    model_path: str,
    adapter: str | None,
    temperature: float,
    max_new_tokens: int,
    **options: Any,
) -> Reply:
    """Talk to a model, line by line; /help lists the commands."""
    if shared(context).as_json:
        raise click.UsageError("a conversation has no JSON form")
    loading = Loading(
        options["load_in_4bit"], options["load_in_8bit"], options["trust_remote_code"], options["backend"]
    )
    check_loading(loading)
    guard, family, offline = options["guard"], options["guard_family"], options["offline"]
    if family and not guard:
        raise click.UsageError("--guard-family is about --guard; give that too")
    with contextlib.redirect_stdout(sys.stderr):
        judge = open_guard(guard, family=family or "auto", offline=offline) if guard else None
        model = open_model(model_path, adapter=adapter, loading=loading, offline=offline)
    talk = Conversation(model, options["system"], temperature, max_new_tokens, judge)
    converse(talk, stream=not options["no_stream"])
    return Reply({}, "")


def converse(talk: Conversation, *, stream: bool = True) -> None:
    """Answer line by line until the user, or the input, ends."""
    if sys.stdin.isatty():
        note("/help lists the commands, /exit ends")
    while not talk.ended and (line := _read_line()) is not None:
        _answer(talk, line, stream=stream)


def _answer(talk: Conversation, line: str, *, stream: bool) -> None:
    try:
        pieces: Iterable[str] = talk.hear(line)
        for piece in pieces if stream else ["".join(pieces)]:
            say(_CONTROL.sub("", piece))
        if line.strip() and not talk.ended:
            say("\n")
    except WithheldError as error:
        say(f"[{error.message}]\n")
    except ForgeError as error:
        say("\n")
        note(f"error: {error}")


def _read_line() -> str | None:
    """Return the next line, ``None`` at the end of the input or at Ctrl-C."""
    try:
        return input("> ") if sys.stdin.isatty() else sys.stdin.readline() or None
    except (EOFError, KeyboardInterrupt):
        return None
