"""``finetune-cli benchmark``."""

from __future__ import annotations

from typing import Any

import click

from finetune_cli.cli.options import quietly
from finetune_cli.cli.scoring import build_settings, load_rows, scoring_options
from finetune_cli.evaluation.report import BenchmarkReport
from finetune_cli.evaluation.runner import BenchmarkRunner
from finetune_cli.models.folders import load_any
from forgelm.cli.render import Reply
from forgelm.model.load import release_memory


@click.command()
@click.argument("base")
@click.argument("finetuned")
@scoring_options
def benchmark(base: str, finetuned: str, log_level: str, as_json: bool, **wanted: Any) -> Reply:
    """Score BASE and FINETUNED on the same rows; an adapter goes on BASE."""
    settings = build_settings(wanted)
    with quietly(as_json=as_json, log_level=log_level):
        rows = load_rows(wanted)
        model, tokenizer = load_any(base)
        before = BenchmarkRunner(settings, tokenizer).evaluate(model, rows, "base")
        del model
        release_memory()
        model, tokenizer = load_any(finetuned, base)
        after = BenchmarkRunner(settings, tokenizer).evaluate(model, rows, "fine-tuned")
    report = BenchmarkReport(before, after)
    return Reply({"success": True, "base": base, "finetuned_model": finetuned, **report.as_record()}, report.summary())
