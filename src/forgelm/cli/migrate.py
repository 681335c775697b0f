"""``forgelm migrate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from forgelm.assist.migrate.migrate import PROGRAMS, read_foreign, render_migration
from forgelm.assist.migrate.migrate import migrate as migrate_values
from forgelm.assist.migrate.trl import TRAINERS
from forgelm.base.errors import ConfigError
from forgelm.base.files import write_text
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply


@click.command()
@click.argument("path", type=click.Path())
@click.option("--from", "program", type=click.Choice(PROGRAMS), help="Whose file it is; found out without this.")
@click.option("--trainer", type=click.Choice(TRAINERS), default="sft", show_default=True, help="trl: its command.")
@click.option("--output", type=click.Path(), help="The file to write; without it the configuration is printed.")
@shared_options
def migrate(path: str, program: str | None, trainer: str, output: str | None) -> Reply:
    """Turn the configuration in PATH (finetune-cli, TRL, Axolotl, LLaMA-Factory) into one of forgelm."""
    if output is not None and Path(output).exists():
        raise ConfigError(f"{output} exists already", hint="give another --output")
    made = migrate_values(read_foreign(path), program, trainer=trainer)
    text = render_migration(made, path)
    if output is not None:
        write_text(Path(output), text)
    envelope = {
        "success": True,
        "program": made.program,
        "config": made.sections,
        "left_out": [asdict(one) for one in made.left_out],
        "notes": list(made.notes),
        "output": output,
    }
    return Reply(envelope, text.rstrip() if output is None else _summary(output, text))


def _summary(output: str, text: str) -> str:
    head = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    return "\n".join([f"wrote {output}", *(line for line in head if line)])
