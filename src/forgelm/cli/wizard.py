"""``forgelm wizard``."""

from __future__ import annotations

import contextlib
import getpass
import importlib
import os
import sys
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import click

from forgelm.assist.starters import choose_model, largest_gpu_gb, propose_sections
from forgelm.assist.templates import STARTERS
from forgelm.assist.wizard.compose import write_config
from forgelm.assist.wizard.dialogue import Talk, choose, confirm, hold
from forgelm.assist.wizard.questions import build_questions
from forgelm.assist.wizard.rows import holds_documents, is_here
from forgelm.assist.wizard.state import Answers, find_state, load_answers, save_answers
from forgelm.base.errors import CancelledError, ConfigError, ForgeError, OptionalDependencyError
from forgelm.base.network import is_offline
from forgelm.cli.options import shared, shared_options
from forgelm.cli.render import Reply, note
from forgelm.config.load import load_config
from forgelm.config.source import read_source
from forgelm.model.gpus import Gpu, current_gpu

_NONE = "none"
# An audit of more than this takes long enough to be a step of its own.
_QUICKLY_AUDITED_BYTES = 100 * 2**20


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="my_config.yaml",
    show_default=True,
    help="The file to write.",
)
@click.option("--start-from", type=click.Path(path_type=Path), help="A configuration whose values are proposed.")
@click.option("--use-case", type=click.Choice(list(STARTERS)), help="Propose the model and settings of this template.")
@click.option("--fresh", is_flag=True, help="Forget the answers of a dialogue that was broken off.")
@shared_options
@click.pass_context
def wizard(
    context: click.Context, /, output: Path, start_from: Path | None, use_case: str | None, fresh: bool
) -> Reply:
    """Ask for what a configuration needs, and write it. Answers are kept, so that a dialogue can be gone on with."""
    if start_from is not None and use_case is not None:
        raise click.UsageError("--start-from and --use-case both say what is proposed; give one of them")
    attended = sys.stdin.isatty() and not shared(context).as_json
    if output.exists() and not sys.stdin.isatty():
        raise ConfigError(f"{output} is there already", hint="choose another --output; nothing was asked or written")
    state = find_state(os.environ)
    plain = Talk(_ask, note)
    prepare = (lambda name: _prepare(context, plain, name)) if attended else None
    talk = Talk(_ask, note, _ask_secret if attended else None, prepare, _find_gpu)
    try:
        answers = _begin(talk, state, start_from, fresh=fresh) or Answers(base=_propose(talk, use_case, ask=attended))
        answers = hold(talk, answers, lambda now: save_answers(state, now))
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
    reply = Reply(
        {"success": True, "config_path": str(path), "next": command}, f"wrote {path}\ncheck it with: {command}"
    )
    return _train(context, talk, path) or reply if attended else reply


def _begin(talk: Talk, state: Path, start_from: Path | None, *, fresh: bool) -> Answers | None:
    """Return the answers to go on with: those kept, if that is wanted, or none on top of the file given."""
    if start_from is not None:
        load_config(start_from)
        if state.exists():
            note(f"the answers in {state} are not used: --start-from begins anew")
        return Answers(base=read_source(start_from.read_text("utf-8-sig"), str(start_from)).data)
    kept = None if fresh else load_answers(state)
    if kept is None or not kept.given:
        return None
    return kept if confirm(talk, f"Go on with {len(kept.given)} answers given before?", default=True) else None


def _propose(talk: Talk, use_case: str | None, *, ask: bool) -> dict[str, Any]:
    """Return the sections that a use case proposes; a person who named none is asked for one."""
    if use_case is None and ask:
        for template in STARTERS.values():
            talk.tell(f"  {template.name}: {template.title}")
        use_case = choose(talk, "Which of these is it for?", (*STARTERS, _NONE), default=_NONE)
    if use_case in (None, _NONE):
        return {}
    choice = choose_model(STARTERS[use_case], largest_gpu_gb(), offline=is_offline())
    talk.tell(f"model {choice.model}: {choice.reason}")
    return propose_sections(STARTERS[use_case], choice)


def _prepare(context: click.Context, talk: Talk, name: str) -> str:
    """Offer to make rows of documents, or to audit rows; return the dataset to use."""
    if holds_documents(name):
        if not confirm(talk, f"{name} holds documents, not rows. Make rows of them now?", default=True):
            return name
        rows = _free(Path(name).expanduser().with_suffix(".jsonl"))
        masks = confirm(talk, "Mask personal data and credentials in them?", default=True)
        words = ["--recursive", "--output", str(rows), *(["--all-mask"] if masks else []), "--", name]
        return str(rows) if _offer(context, "ingest", words) else name
    if is_here(name):
        quick = _size(Path(name).expanduser()) <= _QUICKLY_AUDITED_BYTES
        if confirm(talk, "Audit it for personal data, credentials and duplicates now?", default=quick):
            _offer(context, "audit", ["--", name])
    return name


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _offer(context: click.Context, command: str, words: Sequence[str]) -> bool:
    """Run another command inside the dialogue, which goes on whatever comes of it."""
    try:
        note(_invoke(context, command, words).text)
    except ForgeError as error:
        note(f"! {error}")
        return False
    return True


def _train(context: click.Context, talk: Talk, path: Path) -> Reply | None:
    """Offer to train with what was written; the exit code is the training's then."""
    try:
        wanted = confirm(talk, f"Wrote {path}. Start the training now?", default=False)
    except (CancelledError, KeyboardInterrupt):
        wanted = False
    if not wanted:
        return None
    run = importlib.import_module("forgelm.cli.train").run_config
    reply: Reply = run(str(path), (), dry_run=False, resume=None, offline=False, options=shared(context))
    return reply


def _invoke(context: click.Context, command: str, words: Sequence[str]) -> Reply:
    found = getattr(importlib.import_module(f"forgelm.cli.{command}"), command)
    with found.make_context(command, list(words), parent=context) as inner:
        reply: Reply = found.invoke(inner)
    return reply


@cache
def _find_gpu() -> Gpu | None:
    try:
        return current_gpu()
    except OptionalDependencyError:
        return None


def _choose(talk: Talk, output: Path) -> Path:
    """Return a path that is free, or that the user lets be replaced."""
    if not output.exists() or confirm(talk, f"{output} is there already. Replace it?", default=False):
        return output
    return _free(output)


def _free(path: Path) -> Path:
    """Return ``path``, or the next numbered one beside it that nothing is at."""
    others = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return path if not path.exists() else next(other for other in others if not other.exists())


def _ask(prompt: str) -> str | None:
    note(f"{prompt}:")
    line = sys.stdin.readline()
    return line if line else None


def _ask_secret(prompt: str) -> str | None:
    try:
        # It prints the question itself, once nothing that is typed can be seen any more.
        return getpass.getpass(f"{prompt}:\n(not shown) ", stream=sys.stderr)
    except EOFError:
        return None
