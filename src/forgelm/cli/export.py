"""``forgelm export``."""

from __future__ import annotations

import contextlib
import sys

import click

from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
from forgelm.publish.gguf.export import export_gguf
from forgelm.publish.gguf.recipes import QUANTS


@click.command()
@click.argument("model_path", type=click.Path())
@click.option("--output", required=True, type=click.Path(), help="The file to write; its name ends in .gguf.")
@click.option("--format", "kind", type=click.Choice(["gguf"]), default="gguf", show_default=True, help="File format.")
@click.option(
    "--quant", type=click.Choice(sorted(QUANTS)), default="q4_k_m", show_default=True, help="How numbers are packed."
)
@click.option("--adapter", type=click.Path(), help="Folder of an adapter to merge into MODEL_PATH first.")
@click.option("--no-integrity-update", is_flag=True, help="Do not list the file in the model's integrity manifest.")
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@shared_options
def export(
    model_path: str,
    output: str,
    kind: str,
    quant: str,
    adapter: str | None,
    no_integrity_update: bool,
    offline: bool,
) -> Reply:
    """Write a model folder, or an adapter on its base, as one GGUF file with its SHA-256 beside it."""
    with contextlib.redirect_stdout(sys.stderr):
        report = export_gguf(
            model_path,
            output,
            quant=quant,
            adapter=adapter,
            update_integrity=not no_integrity_update,
            offline=offline,
        )
    envelope = {
        "success": True,
        **vars(report),
        "format": kind,
        "requested_quant": quant,
        "manual_step_required": False,
        "followup_command": None,
    }
    rows = [
        ("wrote", f"{report.output_path} ({report.size_bytes} bytes)"),
        ("tensors", ", ".join(f"{count} {name}" for name, count in report.packed.items())),
        ("sha256", f"{report.sha256} (in {report.output_path}.sha256)"),
        ("check it", f"forgelm verify-gguf {report.output_path}"),
        *(("note", note) for note in report.notes),
    ]
    return Reply(envelope, table(rows))
