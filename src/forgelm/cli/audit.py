"""``forgelm audit``: its options. What it does is in ``audit_run``, which needs the extra ``audit``; help does not."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import click

from forgelm.audit.rows.minhash import DEFAULT_MINHASH_JACCARD
from forgelm.audit.rows.simhash import DEFAULT_NEAR_DUP_HAMMING
from forgelm.cli.options import Number, shared, shared_options
from forgelm.cli.render import Reply


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in reversed(
        (
            click.argument("input_path", required=False),
            click.option("--config", type=click.Path(), help="Audit exactly what a run of this YAML would train on."),
            click.option("--output", type=click.Path(), help="Report folder (default: ./audit, or the run's folder)."),
            click.option("--verbose", is_flag=True, help="Show clean splits and every headline."),
            click.option(
                "--near-dup-threshold",
                type=click.IntRange(min=0),
                default=DEFAULT_NEAR_DUP_HAMMING,
                show_default=True,
                help="SimHash: bits in which near duplicates may differ.",
            ),
            click.option(
                "--dedup-method",
                type=click.Choice(["simhash", "minhash"]),
                default="simhash",
                show_default=True,
                help="How near duplicates are looked for; either way their words are compared before they count.",
            ),
            click.option(
                "--jaccard-threshold",
                type=Number(0.0, 1.0, min_open=True),
                metavar="SHARE",
                default=DEFAULT_MINHASH_JACCARD,
                show_default=True,
                help="MinHash: share of words near duplicates have in common.",
            ),
            click.option("--quality-filter/--no-quality-filter", default=True, help="Judge the quality of every row."),
            click.option("--croissant", is_flag=True, help="Add a Croissant description of the dataset."),
            click.option("--pii-ml", is_flag=True, help="Also look for names and places, with a Presidio model."),
            click.option("--pii-ml-language", metavar="CODE", default="en", show_default=True, help="Its language."),
            click.option(
                "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Threads that scan."
            ),
            click.option(
                "--engine",
                type=click.Choice(["local", "ray"]),
                default="local",
                show_default=True,
                help="Scan on threads, or on Ray: the cluster at RAY_ADDRESS, else --workers processes here.",
            ),
            click.option("--allow-secrets", is_flag=True, help="Record credentials, but let them through."),
            click.option("--allow-pii", is_flag=True, help="Record critical personal data, but let it through."),
            click.option("--exclude", multiple=True, metavar="COLUMN", help="Leave the text of a column out."),
            click.option("--strict", is_flag=True, help="Fail when any row or file cannot be read."),
            click.option("--dedup-output", type=click.Path(), help="Write the rows that repeat no earlier one here."),
            click.option("--tokenizer", metavar="MODEL", help="Also count tokens, as this model's tokenizer does."),
            click.option("--max-length", type=click.IntRange(min=1), help="Tokens a row would be cut at."),
            click.option(
                "--benchmark-file", multiple=True, metavar="FILE", help="Look for the items of a benchmark in the data."
            ),
        )
    ):
        command = decorate(command)
    return command


@click.command()
@_options
@shared_options
@click.pass_context
def audit(context: click.Context, /, input_path: str | None, config: str | None, **options: Any) -> Reply:
    """Audit a dataset before training: personal data, credentials, duplicates, leakage, quality, lengths, languages.

    INPUT_PATH is a file (JSONL, JSON, CSV, Parquet, also compressed), a folder of splits, an fsspec address or the id
    of a hub dataset.
    """
    if (input_path is None) == (config is None):
        raise click.UsageError("give the dataset to audit, or --config FILE, and not both")
    command = importlib.import_module("forgelm.cli.audit_run")
    reply: Reply = command.audit_as_asked(input_path, config, options, shared(context))
    return reply
