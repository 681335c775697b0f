"""``finetune-cli convert``."""

from __future__ import annotations

import os
from pathlib import Path

import click
import yaml

from finetune_cli.cli.options import json_option, log_option, quietly
from finetune_cli.cli.train import read_pipeline
from finetune_cli.core.exceptions import InvalidConfigError
from finetune_cli.trainers.job import ROWS_FOLDER, build_job, write_rows
from forgelm.base.files import write_text
from forgelm.cli.render import Reply, table


@click.command()
@click.argument("config", type=click.Path())
@click.option("--to", "target", type=click.Choice(["forgelm"]), required=True, help="The program to write for.")
@click.option("--output", "-o", type=click.Path(), help="The file to write; without it CONFIG.forgelm.yaml.")
@log_option
@json_option
def convert(config: str, target: str, output: str | None, log_level: str, as_json: bool) -> Reply:
    """Write the configuration that trains the same model with forgelm, and its rows where forgelm cannot read them.

    The data and the model's configuration are read for it; forgelm migrate does without, and carries over less.
    """
    path = Path(output) if output else Path(config).with_suffix(f".{target}.yaml")
    if path.exists():
        raise InvalidConfigError(f"{path} exists already", hint="give another --output")
    pipeline = read_pipeline(config)
    with quietly(as_json=as_json, log_level=log_level):
        job = build_job(pipeline, Path(os.path.abspath(path)).with_name(f"{path.stem}.{ROWS_FOLDER}"))
        write_rows(job)
    sections = job.config.model_dump(mode="json", exclude_unset=True)
    note = (
        [] if pipeline.evaluation is None else ["evaluation: metrics are a command of their own: finetune-cli evaluate"]
    )
    head = [f"# From {Path(config).name}; it trains the same adapter from the same data, model and seed."]
    head += [f"# Not carried over: {line}" for line in note]
    write_text(path, "\n".join(head) + "\n" + yaml.safe_dump(sections, sort_keys=False, allow_unicode=True))
    rows = [("wrote", str(path)), *(("rows", str(job.folder)) for _ in [0] if job.rows is not None)]
    rows += [("not carried over", line) for line in note] + [("run it with", f"forgelm --config {path}")]
    envelope = {"success": True, "output": str(path), "rows": str(job.folder) if job.rows else None, "left_out": note}
    return Reply(envelope, table(rows))
