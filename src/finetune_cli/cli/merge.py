"""``finetune-cli merge``."""

from __future__ import annotations

import click

from finetune_cli.cli.options import json_option, log_option, quietly
from finetune_cli.models.merge import merge_and_prove
from forgelm.cli.render import Reply, table


@click.command()
@click.argument("adapter_dir", type=click.Path())
@click.argument("output_dir", type=click.Path())
@click.option("--base-model", "-b", required=True, help="Base model: Hugging Face id or local folder.")
@click.option("--dtype", default="float32", show_default=True, metavar="TEXT", help="float32, float16 or bfloat16.")
@log_option
@json_option
def merge(adapter_dir: str, output_dir: str, base_model: str, dtype: str, log_level: str, as_json: bool) -> Reply:
    """Merge the adapter in ADAPTER_DIR into its base and save the model, which needs no PEFT, to OUTPUT_DIR."""
    with quietly(as_json=as_json, log_level=log_level):
        done = merge_and_prove(adapter_dir, output_dir, base_model, dtype)
    envelope = {
        "success": True,
        "output_dir": str(done.output_dir),
        "base_model": done.base_model,
        "dtype": done.dtype,
        "difference": done.difference,
    }
    rows = [
        ("Merged", str(done.output_dir)),
        ("  base model", done.base_model),
        ("  dtype", done.dtype),
        ("  check", f"logits within {done.difference:.1e} of base and adapter"),
    ]
    return Reply(envelope, table(rows))
