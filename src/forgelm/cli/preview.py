"""``forgelm preview``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from forgelm.assist.preview import preview_dataset
from forgelm.base.files import write_text
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply
from forgelm.config.load import load_config


@click.command()
@click.option("--config", required=True, type=click.Path(), help="The YAML file whose data is shown.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.FIELD=VALUE", help="Change one value of the file.")
@click.option("--rows", default=3, show_default=True, type=click.IntRange(min=1), help="How many rows to show.")
@click.option("--html", type=click.Path(), help="Also write the preview as one self-contained HTML file.")
@click.option("--color/--no-color", default=None, help="Colours on or off; by default on a terminal only.")
@shared_options
def preview(config: str, overrides: tuple[str, ...], rows: int, html: str | None, color: bool | None) -> Reply:
    """Show rows as the model will see them, with the tokens it is trained on highlighted."""
    on_terminal = sys.stdout.isatty()
    with contextlib.redirect_stdout(sys.stderr):
        shown = preview_dataset(load_config(config, overrides), rows=rows)
    if html:
        write_text(Path(html), shown.render_html())
    text = shown.render_text(colour=on_terminal if color is None else color)
    return Reply({"success": True, **shown.as_record(), "html": html}, text)
