"""``finetune-cli train``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import click

from finetune_cli.cli.options import json_option, log_option, quietly
from finetune_cli.core.config import ConfigBuilder, PipelineConfig
from finetune_cli.core.exceptions import MissingConfigError, TrainingError
from finetune_cli.core.translate import training_errors
from finetune_cli.core.types import ADAPTER_METHODS, DatasetSource, TrainingMethod
from finetune_cli.evaluation.after import evaluate_run
from finetune_cli.trainers.base import check_output, drop_checkpoints
from finetune_cli.trainers.job import build_job, write_rows
from forgelm.base.errors import ConfigError
from forgelm.cli.options import Number
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, table
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest, stop_on_signals


@click.command()
@click.option("--config", "-c", type=click.Path(), help="YAML or JSON config file; it takes precedence over the flags.")
@click.option("--model", "-m", default="gpt2", show_default=True, help="Hugging Face model id or local folder.")
@click.option("--dataset", "-d", type=click.Path(), help="Local dataset path.")
@click.option("--hf-dataset", help="Hugging Face dataset id.")
@click.option("--output", "-o", type=click.Path(), default="./output", show_default=True, help="Output directory.")
@click.option(
    "--method",
    default="lora",
    show_default=True,
    type=click.Choice([one.value for one in TrainingMethod]),
    metavar="TEXT",
    help="lora, qlora, instruction_tuning or full_finetuning.",
)
@click.option("--lora-r", type=int, default=8, show_default=True, help="LoRA rank.")
@click.option("--lora-alpha", type=int, default=32, show_default=True, help="LoRA alpha.")
@click.option("--lora-dropout", type=Number(), default=0.1, show_default=True, help="LoRA dropout.")
@click.option("--epochs", "-e", type=int, default=3, show_default=True, help="Number of epochs.")
@click.option("--batch-size", "-b", type=int, default=4, show_default=True, help="Rows per device.")
@click.option("--lr", type=Number(), default=2e-4, show_default=True, help="Learning rate.")
@click.option("--max-length", type=int, default=512, show_default=True, help="Longest row in tokens.")
@click.option("--max-samples", type=int, help="Train on the first that many rows.")
@click.option("--4bit", "four_bit", is_flag=True, help="Load the model in 4 bits (QLoRA).")
@click.option("--fp16", is_flag=True, help="Mixed precision FP16.")
@click.option("--resume", is_flag=True, help="Continue the run in the output directory from its newest checkpoint.")
@log_option
@json_option
def train(config: str | None, resume: bool, log_level: str, as_json: bool, **flags: Any) -> Reply:
    """Fine-tune a model; the run's evidence is written beside it."""
    pipeline = read_pipeline(config) if config else pipeline_from_flags(**flags)
    with quietly(as_json=as_json, log_level=log_level) as options:
        if not resume:
            check_output(pipeline.training.to_config().output_dir)
        if pipeline.model.device == "cpu":
            # Read by torch when it is loaded, which has not happened yet in this process.
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        job = build_job(pipeline)
        write_rows(job)
        stop = StopRequest()
        with training_errors(pipeline.training.method), stop_on_signals(stop), Reporter(options) as reporter:
            try:
                result = run_single(job.config, resume="auto" if resume else None, listen=reporter, stop=stop)
            except ConfigError:
                # Nothing was trained: what was wrong can be put right and the same command given again.
                if not resume:
                    _clear(pipeline.training.to_config().output_dir)
                raise
        if not result.success:
            raise TrainingError(pipeline.training.method, result.error or "a gate failed")
        if pipeline.training.save_strategy == "no":
            drop_checkpoints(pipeline.training.to_config().output_dir)
        report = evaluate_run(pipeline, Path(str(result.final_model_path)))
    return _reply(pipeline, result, report)


def _clear(folder: Path) -> None:
    """Empty a folder that held nothing before, unless there is a checkpoint in it that another run may go on from."""
    if not folder.is_dir() or list(folder.glob("checkpoint-*")):
        return
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def read_pipeline(path: str) -> PipelineConfig:
    """Return the configuration in a file: YAML by its suffix, else JSON."""
    is_yaml = Path(path).suffix.lower() in (".yaml", ".yml")
    return PipelineConfig.from_yaml(path) if is_yaml else PipelineConfig.from_json(path)


def pipeline_from_flags(**flags: Any) -> PipelineConfig:
    if bool(flags["dataset"]) == bool(flags["hf_dataset"]):
        raise MissingConfigError("dataset", hint="give --dataset PATH or --hf-dataset ID, one of the two")
    method = TrainingMethod(flags["method"])
    source = DatasetSource.LOCAL_FILE if flags["dataset"] else DatasetSource.HUGGINGFACE_HUB
    builder = (
        ConfigBuilder()
        .with_model(flags["model"], load_in_4bit=flags["four_bit"] or method is TrainingMethod.QLORA)
        .with_dataset(flags["dataset"] or flags["hf_dataset"], source, max_samples=flags["max_samples"])
        .with_tokenization(max_length=flags["max_length"])
        .with_training(
            method,
            flags["output"],
            num_epochs=flags["epochs"],
            batch_size=flags["batch_size"],
            learning_rate=flags["lr"],
            fp16=flags["fp16"],
        )
    )
    if method in ADAPTER_METHODS:
        builder.with_lora(r=flags["lora_r"], lora_alpha=flags["lora_alpha"], lora_dropout=flags["lora_dropout"])
    return builder.build()


def _reply(pipeline: PipelineConfig, result: TrainResult, report: Any) -> Reply:
    envelope = {
        "success": True,
        "method": pipeline.training.method.value,
        "output_dir": pipeline.training.output_dir,
        "model_path": result.final_model_path,
        "train_loss": result.metrics.get("train_loss"),
        "steps_completed": int(result.metrics.get("train_steps", 0)),
        "metrics": result.metrics,
        "gates": result.gates,
        "run_id": result.run_id,
        "benchmark": report.as_record() if report is not None else None,
    }
    rows = [
        ("Training complete", pipeline.model.name),
        ("  model", str(result.final_model_path)),
        ("  train loss", f"{result.metrics['train_loss']:.4f}"),
        ("  steps", str(envelope["steps_completed"])),
        ("  evidence", f"forgelm verify {pipeline.training.output_dir}"),
    ]
    text = table(rows) if report is None else f"{table(rows)}\n\n{report.summary()}"
    return Reply(envelope, text)
