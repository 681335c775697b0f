"""``finetune-cli evaluate``."""

from __future__ import annotations

from typing import Any

import click

from finetune_cli.cli.options import quietly
from finetune_cli.cli.scoring import build_settings, load_rows, scoring_options
from finetune_cli.evaluation.runner import BenchmarkRunner
from finetune_cli.models.folders import load_any
from forgelm.cli.render import Reply


@click.command()
@click.argument("model_path")
@click.option("--base-model", help="Base model of an adapter; the one it recorded without this.")
@scoring_options
def evaluate(model_path: str, base_model: str | None, log_level: str, as_json: bool, **wanted: Any) -> Reply:
    """Score the model, adapter or run at MODEL_PATH on a dataset."""
    settings = build_settings(wanted)
    with quietly(as_json=as_json, log_level=log_level):
        rows = load_rows(wanted)
        model, tokenizer = load_any(model_path, base_model)
        result = BenchmarkRunner(settings, tokenizer).evaluate(model, rows, model_path)
    lines = [f"Results ({result.num_samples} samples):"]
    lines += [f"  {name:<20}{score:.4f}" for name, score in result.scores.items()]
    return Reply({"success": True, "model": model_path, **result.as_record()}, "\n".join(lines))
