"""``forgelm deploy``."""

from __future__ import annotations

import click

from forgelm.cli.options import Number, shared_options
from forgelm.cli.render import Reply, table
from forgelm.publish.deploy.targets import TARGETS, Wishes
from forgelm.publish.deploy.write import write_deployment


@click.command()
@click.argument("model_path")
@click.option("--target", required=True, type=click.Choice(list(TARGETS)), help="The server.")
@click.option("--output", type=click.Path(), help="The file to write; without it the server's usual name, here.")
@click.option("--system", metavar="PROMPT", help="ollama: the system prompt.")
@click.option(
    "--max-length",
    type=click.IntRange(min=1),
    help="Context length in tokens; without it 4096, or what the model can read where that is less.",
)
@click.option(
    "--gpu-memory-utilization",
    type=Number(0, 1),
    default=0.90,
    show_default=True,
    metavar="SHARE",
    help="vllm, sglang, kserve: share of the GPU's memory to take.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port on this machine.")
@click.option("--trust-remote-code", is_flag=True, help="Let the server run code from the model's folder.")
@click.option(
    "--vendor",
    type=click.Choice(["aws", "azure", "gcp"]),
    default="aws",
    show_default=True,
    help="hf-endpoints: cloud.",
)
@shared_options
def deploy(model_path: str, target: str, output: str | None, **wishes: object) -> Reply:
    """Write the file that a server is started with, for a model that is whole, intact and final."""
    report = write_deployment(model_path, target, output=output, wishes=Wishes(**wishes))  # type: ignore[arg-type]
    rows = [("wrote", report.output_path), ("start it", report.start), *(("note", note) for note in report.notes)]
    return Reply({"success": True, **vars(report)}, table(rows))
