"""A pipeline's configuration to a run of the engine: its configuration, and the rows it cannot read by itself."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_cli.core.exceptions import IncompatibleConfigError
from finetune_cli.core.pipeline import PipelineConfig
from finetune_cli.core.translate import training_errors
from finetune_cli.core.types import DatasetConfig, DatasetSource
from finetune_cli.data.encoding import normalise_rows
from finetune_cli.data.layout import Kind, Layout, choose_layout
from finetune_cli.data.reading import read_dataset
from finetune_cli.data.rendering import render_rows
from finetune_cli.models.sections import choose_device, lora_section, model_section, steps_per_epoch, training_section
from finetune_cli.models.targets import find_target_modules
from finetune_cli.trainers.loaded import check_lora
from forgelm.base.files import write_json, write_text
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import Row
from forgelm.data.split import carve_validation

HELD_OUT = 0.1
ROWS_FOLDER = "prepared_data"
_FORMATS = {Kind.PAIR: "prompt_completion", Kind.TEXT: "text", Kind.MESSAGES: "messages"}


@dataclass(frozen=True)
class Job:
    """One run. ``rows`` are written to ``folder`` first, by split; ``None`` where the engine reads the file itself."""

    config: ForgeConfig
    folder: Path
    rows: dict[str, list[Row]] | None
    source: dict[str, Any]


def build_job(pipeline: PipelineConfig, rows_folder: Path | None = None) -> Job:
    """Return the run that ``pipeline`` describes. The data is read and looked at; nothing is written.

    Raises:
        DatasetError: the data cannot be found, read or learnt from.
        ModelError: the model cannot be found, or has no module an adapter goes on.
        ConfigurationError: something in it that a run cannot honour.
    """
    parts = pipeline.to_config()
    dataset: DatasetConfig = parts["dataset"]
    training, tokenization, lora = parts["training"], parts["tokenization"], parts.get("lora")
    _refuse_unsupported(pipeline)
    choose_device(parts["model"])
    read = read_dataset(dataset)
    layout = choose_layout([row.value for row in read.rows], dataset.text_columns)
    folder = rows_folder or training.output_dir / ROWS_FOLDER
    sides = _split(read.rows, read.validation, layout, dataset)
    direct = _is_read_by_engine(dataset, layout, training.seed)
    with training_errors(training.method):
        targets = find_target_modules(parts["model"], lora.target_modules if lora else None)
        adapter = None if lora is None or training.method == "full_finetuning" else lora_section(lora, targets)
        config = ForgeConfig(
            model=model_section(parts["model"]) | {"max_length": tokenization.max_length},
            lora=adapter,
            training=training_section(training, steps_per_epoch(len(sides["train"]), training)),
            data={
                "dataset_name_or_path": dataset.path if direct else str(folder),
                "shuffle": dataset.shuffle,
                "clean_text": False,
                # Cutting was asked for, or it was not: then a row that is too long is refused.
                "max_tokens_lost": 1.0 if tokenization.truncation else 0.0,
                **({"validation_split_ratio": HELD_OUT} if not read.validation else {}),
                **(_naming(layout) if direct else {}),
            },
        )
    kept = None if direct else _rows_to_write(sides, read.rows, read.validation, layout, dataset, training.seed)
    source = {"path": dataset.path, "source": dataset.source.value, "rows": len(read.rows), "layout": layout.kind.value}
    return Job(config, folder, kept, source | {"columns": [name for name in layout.columns if name]})


def write_rows(job: Job) -> None:
    """Write the rows the engine reads, where it cannot read the dataset itself, and where they came from."""
    for split, rows in (job.rows or {}).items():
        lines = (json.dumps(row.value, ensure_ascii=False) + "\n" for row in rows)
        write_text(job.folder / f"{split}.jsonl", "".join(lines))
    if job.rows is not None:
        write_json(job.folder.with_name(f"{job.folder.name}_source.json"), job.source)


def _refuse_unsupported(pipeline: PipelineConfig) -> None:
    model, tokenization = pipeline.model, pipeline.tokenization
    if model.load_in_8bit:
        raise IncompatibleConfigError(
            "a run loads its base in 4 bits or in full, not in 8 bits",
            ("model.load_in_8bit",),
            hint="use load_in_4bit, or load_model_and_tokenizer and a trainer from Python",
        )
    if not tokenization.add_special_tokens:
        raise IncompatibleConfigError(
            "a run always learns where a text ends, so it adds the special tokens",
            ("tokenization.add_special_tokens",),
            hint="leave it true, or use prepare_dataset and a trainer from Python",
        )
    if pipeline.lora is not None:
        check_lora(pipeline.lora.to_config())


def _is_read_by_engine(dataset: DatasetConfig, layout: Layout, seed: int) -> bool:
    plain = dataset.source is DatasetSource.LOCAL_FILE and dataset.max_samples is None and dataset.data_files is None
    return plain and dataset.split == "train" and dataset.seed == seed and layout.kind in _FORMATS


def _naming(layout: Layout) -> dict[str, Any]:
    """Return how the engine finds the columns of a file that it reads itself."""
    ours = {Kind.PAIR: ("prompt", "completion"), Kind.TEXT: ("text",)}.get(layout.kind, layout.columns)
    columns = {name: column for name, column in zip(ours, layout.columns, strict=True) if name != column}
    return {"format": _FORMATS[layout.kind]} | ({"columns": columns} if columns else {})


def _split(
    rows: Sequence[Row], own: Sequence[Row] | None, layout: Layout, dataset: DatasetConfig
) -> dict[str, list[Row]]:
    """Return the two sides as the engine makes them, rendered."""
    rendered = _render(rows, layout, dataset.path)
    if own:
        return {"train": rendered, "validation": _render(own, layout, dataset.path)}
    split = carve_validation(rendered, seed=dataset.seed, share=HELD_OUT)
    return {"train": split.train, **({"validation": split.validation} if split.validation else {})}


def _render(rows: Sequence[Row], layout: Layout, path: str) -> list[Row]:
    if layout.kind is Kind.TOKENS:
        raise IncompatibleConfigError(
            "these rows are tokens already, and a run tokenises text itself",
            ("dataset.path",),
            hint="give the text, or train on them with TrainerFactory",
        )
    return normalise_rows(render_rows(rows, layout), path)[0]


def _rows_to_write(
    sides: dict[str, list[Row]],
    rows: Sequence[Row],
    own: Sequence[Row] | None,
    layout: Layout,
    dataset: DatasetConfig,
    seed: int,
) -> dict[str, list[Row]]:
    if own:
        return sides
    if dataset.seed == seed:
        # The engine holds rows out and shuffles by the same seed: it gets them as they stand.
        return {"train": _render(rows, layout, dataset.path)}
    train = list(sides["train"])
    if dataset.shuffle:
        random.Random(dataset.seed).shuffle(train)
    return {**sides, "train": train}
