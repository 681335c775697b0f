"""What ``evaluate`` and ``benchmark`` share: their options, the rows, and the metrics' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from finetune_cli.cli.options import json_option, log_option, split_words
from finetune_cli.core.exceptions import InvalidConfigError, MissingConfigError
from finetune_cli.core.sections import EvaluationConfigModel
from finetune_cli.core.types import DatasetConfig, DatasetSource, EvaluationConfig, EvaluationMetric
from finetune_cli.data.reading import read_dataset
from forgelm.base.extras import load_extra
from forgelm.config.nearest import nearest_word


def scoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of both commands."""
    wrapped: Callable[..., Any] = log_option(json_option(command))
    for decorate in (
        click.option("--greedy", is_flag=True, help="Take the likeliest token instead of drawing one."),
        click.option("--max-gen-length", type=int, default=100, show_default=True, help="New tokens per reply."),
        click.option("--num-samples", type=int, default=100, show_default=True, help="Rows to score on."),
        click.option("--batch-size", type=int, default=4, show_default=True, help="Rows asked at once."),
        click.option("--metrics", default="rougeL,bleu", show_default=True, help="Metrics, separated by commas."),
        click.option("--hf-dataset", help="Hugging Face dataset id."),
        click.option("--dataset", "-d", type=click.Path(), help="Local dataset path."),
    ):
        wrapped = decorate(wrapped)
    return wrapped


def build_settings(wanted: Mapping[str, Any]) -> EvaluationConfig:
    """Return the settings that the options ``wanted`` spell.

    Raises:
        InvalidConfigError: a metric that does not exist, or a number that is not allowed.
    """
    known = [metric.value for metric in EvaluationMetric]
    words = split_words(wanted["metrics"])
    for word in words:
        if word not in known:
            near = nearest_word(word, known)
            raise InvalidConfigError(
                f"there is no metric {word!r}",
                hint=(f"did you mean {near}? " if near else "") + f"known: {', '.join(known)}",
            )
    return EvaluationConfigModel.model_validate(
        {
            "metrics": words,
            "batch_size": wanted["batch_size"],
            "num_samples": wanted["num_samples"],
            "generation_max_length": wanted["max_gen_length"],
            "generation_do_sample": not wanted["greedy"],
        }
    ).to_config()


def load_rows(wanted: Mapping[str, Any]) -> Any:
    """Return the rows to score on as a ``datasets.Dataset`` of what the file holds."""
    dataset, hf_dataset = wanted["dataset"], wanted["hf_dataset"]
    if bool(dataset) == bool(hf_dataset):
        raise MissingConfigError("dataset", hint="give --dataset PATH or --hf-dataset ID, one of the two")
    source = DatasetSource.LOCAL_FILE if dataset else DatasetSource.HUGGINGFACE_HUB
    read = read_dataset(
        DatasetConfig(source=source, path=str(dataset or hf_dataset), max_samples=wanted["num_samples"])
    )
    return load_extra("datasets", extra="train").Dataset.from_list([row.value for row in read.rows])
