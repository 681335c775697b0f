"""``forgelm schema``."""

from __future__ import annotations

import json

import click

from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply
from forgelm.config.schema import build_json_schema


@click.command()
@shared_options
def schema() -> Reply:
    """Print the JSON Schema of the configuration.

    Save it and put "# yaml-language-server: $schema=forgelm.schema.json" on the first line of a run's YAML: the editor
    then completes and checks every field.
    """
    document = build_json_schema()
    return Reply(document, json.dumps(document, indent=2, ensure_ascii=False))
