"""``forgelm wizard``."""

from __future__ import annotations

import contextlib
import os
import sys
from itertools import count
from pathlib import Path

import click

from forgelm.assist.wizard.compose import write_config
from forgelm.assist.wizard.dialogue import Talk, confirm, hold
from forgelm.assist.wizard.questions import build_questions
from forgelm.assist.wizard.state import Answers, find_state, load_answers, save_answers
from forgelm.base.errors import CancelledError, ConfigError
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, note
from forgelm.config.load import load_config
from forgelm.config.source import read_source


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="my_config.yaml",
    show_default=True,
    help="The file to write.",
)
@click.option("--start-from", type=click.Path(path_type=Path), help="A configuration whose values are proposed.")
@click.option("--fresh", is_flag=True, help="Forget the answers of a dialogue that was broken off.")
@shared_options
def wizard(output: Path, start_from: Path | None, fresh: bool) -> Reply:
    """Ask for what a configuration needs, and write it. Answers are kept, so that a dialogue can be gone on with."""
    if output.exists() and not sys.stdin.isatty():
        raise ConfigError(f"{output} is there already", hint="choose another --output; nothing was asked or written")
    state, talk = find_state(os.environ), Talk(_ask, note)
    try:
        answers = hold(talk, _begin(talk, state, start_from, fresh=fresh), lambda now: save_answers(state, now))
        path = _choose(talk, output)
    except (CancelledError, KeyboardInterrupt):
        raise CancelledError(
            "the dialogue was cancelled; nothing was written",
            hint=f"'forgelm wizard' goes on with the answers in {state}" if state.exists() else None,
        ) from None
    write_config(path, answers, build_questions())
    with contextlib.suppress(FileNotFoundError):
        state.unlink()
    command = f"forgelm --config {path} --dry-run"
    return Reply(
        {"success": True, "config_path": str(path), "next": command}, f"wrote {path}\ncheck it with: {command}"
    )


def _begin(talk: Talk, state: Path, start_from: Path | None, *, fresh: bool) -> Answers:
    """Return the answers to go on with: those kept, if that is wanted, or none on top of the file given."""
    if start_from is not None:
        load_config(start_from)
        if state.exists():
            note(f"the answers in {state} are not used: --start-from begins anew")
        return Answers(base=read_source(start_from.read_text("utf-8-sig"), str(start_from)).data)
    kept = None if fresh else load_answers(state)
    if kept is None or not kept.given:
        return Answers()
    return kept if confirm(talk, f"Go on with {len(kept.given)} answers given before?", default=True) else Answers()


def _choose(talk: Talk, output: Path) -> Path:
    """Return a path that is free, or that the user lets be replaced."""
    if not output.exists() or confirm(talk, f"{output} is there already. Replace it?", default=False):
        return output
    others = (output.with_stem(f"{output.stem}_{number}") for number in count(2))
    return next(path for path in others if not path.exists())


def _ask(prompt: str) -> str | None:
    note(f"{prompt}:")
    line = sys.stdin.readline()
    return line if line else None
