"""``finetune-cli recommend``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import yaml

from finetune_cli.cli.options import json_option, log_option, quietly
from finetune_cli.core.exceptions import InvalidConfigError
from finetune_cli.models.recommend import (
    build_pipeline,
    check_memory,
    count_millions,
    detect_vram_gb,
    recommend_method,
    spelt_count,
)
from forgelm.cli.options import Number
from forgelm.cli.render import Reply, table
from forgelm.train.memory.estimate import GB


@click.command()
@click.argument("model")
@click.option("--dataset", "-d", type=click.Path(), help="Local dataset path to write into the config.")
@click.option("--output", "-o", type=click.Path(), help="Save the generated YAML config to this file.")
@click.option("--vram", type=Number(min=0), help="Available VRAM in GB; detected without this.")
@log_option
@json_option
def recommend(
    model: str, dataset: str | None, output: str | None, vram: float | None, log_level: str, as_json: bool
) -> Reply:
    """Recommend a training method for MODEL: a Hugging Face id, a local folder, or a size such as 7B."""
    if output is not None and spelt_count(model) is not None:
        raise InvalidConfigError(f"{model} is a size, and a config needs a model", hint="name the model itself")
    if output is not None and Path(output).exists():
        raise InvalidConfigError(f"{output} exists already", hint="give another --output")
    with quietly(as_json=as_json, log_level=log_level):
        millions = count_millions(model)
        found = recommend_method(model, millions, detect_vram_gb() if vram is None else vram)
        memory = check_memory(found)
    pipeline = build_pipeline(found, dataset)
    if output is not None:
        pipeline.to_yaml(output)
    settings = {**dataclasses.asdict(found), "method": found.method.value}
    rows = [
        ("Model", f"{model} ({millions:,.1f} M parameters)"),
        ("VRAM", f"{found.vram_gb:.1f} GB"),
        ("Recommended", found.method.value + (f", r={found.r}" if found.r else "")),
        ("Batch size", str(found.batch_size)),
        ("Precision", "float16" if found.fp16 else "float32"),
        ("Checkpointing", "yes" if found.gradient_checkpointing else "no"),
        ("Memory", f"{memory.estimate.total / GB:.1f} GB estimated: {memory.verdict}"),
        *(("  would fit with", str(change)) for change in memory.changes),
    ]
    shown = f"saved {output}\nrun it with: finetune-cli train --config {output}" if output else ""
    text = shown or yaml.safe_dump(pipeline.to_dict(), sort_keys=False).rstrip()
    envelope = {
        "success": True,
        **settings,
        "memory": memory.as_record(),
        "output": output,
        "config": pipeline.to_dict(),
    }
    return Reply(envelope, f"{table(rows)}\n\n{text}")
