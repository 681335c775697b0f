"""From a dataset section to tokenised rows: read, recognise, render, split, shuffle, tokenise."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from finetune_cli.core.exceptions import DatasetError, DatasetLoadError, InvalidConfigError
from finetune_cli.core.types import DatasetConfig, DatasetSource, TokenizationConfig
from finetune_cli.data.encoding import build_dataset, encode_rows, normalise_rows, read_examples
from finetune_cli.data.layout import Kind, Layout, choose_layout
from finetune_cli.data.reading import ReadDataset, read_dataset
from finetune_cli.data.rendering import render_rows
from finetune_cli.data.statistics import count_texts, count_tokens, row_text
from forgelm.base.errors import StorageError
from forgelm.base.extras import load_extra
from forgelm.base.files import storage_errors
from forgelm.data.rows import Row
from forgelm.data.split import carve_validation
from forgelm.train.token_ledger import TokenLedger
from forgelm.train.tokenise import TokenisedSplit

_SOURCES = {"local": DatasetSource.LOCAL_FILE, "huggingface": DatasetSource.HUGGINGFACE_HUB}


class DataPipeline:
    """Keeps what it made, for statistics and for saving."""

    def __init__(self, dataset_config: DatasetConfig, tokenization_config: TokenizationConfig, tokenizer: Any) -> None:
        self._dataset = dataset_config
        self._tokenization = tokenization_config
        self._tokenizer = tokenizer
        self._result: Any = None
        self._statistics: dict[str, Any] = {}

    def run(self, split_for_validation: bool = False, validation_ratio: float = 0.1) -> Any:
        """Return a ``Dataset``, or with ``split_for_validation`` a ``DatasetDict`` of ``train`` and ``validation``.

        A validation split of the dataset's own is taken as it is; else rows are held out, equal rows on one side.

        Raises:
            DatasetError: the data cannot be found, read or learnt from.
        """
        if not 0 < validation_ratio < 1:
            raise InvalidConfigError(f"validation_ratio must be between 0 and 1, got {validation_ratio}")
        read = read_dataset(self._dataset)
        layout = choose_layout([row.value for row in read.rows], self._dataset.text_columns)
        splits = self._split(read, layout, validation_ratio) if split_for_validation else {"train": read.rows}
        texts: list[str] = []
        made: dict[str, TokenisedSplit] = {}
        for name, rows in splits.items():
            made[name] = self._encode(rows, layout, texts, shuffle=name == "train" and self._dataset.shuffle)
        self._statistics = (
            count_texts(texts)
            | count_tokens(list(made.values()))
            | {
                "layout": layout.kind.value,
                "columns": list(layout.columns),
                "samples_by_split": {name: len(split.examples) for name, split in made.items()},
            }
        )
        built = {name: build_dataset(one.examples, self._tokenizer, self._tokenization) for name, one in made.items()}
        datasets = load_extra("datasets", extra="train")
        self._result = datasets.DatasetDict(built) if split_for_validation else built["train"]
        return self._result

    def get_statistics(self) -> dict[str, Any]:
        """Return what the last run counted: rows, words and tokens, padding left out.

        Raises:
            DatasetError: nothing has been run.
        """
        if self._result is None:
            raise DatasetError("there are no statistics before run()")
        return dict(self._statistics)

    def save_processed(self, path: str | Path) -> Path:
        """Save what the last run made into the new folder ``path``, for ``datasets.load_from_disk``.

        Raises:
            DatasetError: nothing has been run, the folder is there already, or it cannot be written.
        """
        folder = Path(path)
        if self._result is None:
            raise DatasetError("there is nothing to save before run()")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DatasetError(f"{folder} exists already and is not an empty folder")
        half = folder.with_name(f".{folder.name}.writing")
        try:
            with storage_errors(str(folder)):
                shutil.rmtree(half, ignore_errors=True)
                self._result.save_to_disk(str(half))
                half.replace(folder)
        except StorageError as error:
            shutil.rmtree(half, ignore_errors=True)
            raise DatasetError(error.message, hint=error.hint) from error
        return folder

    def _split(self, read: ReadDataset, layout: Layout, ratio: float) -> dict[str, list[Row]]:
        if read.validation:
            return {"train": read.rows, "validation": read.validation}
        rows = read.rows if layout.kind is Kind.TOKENS else render_rows(read.rows, layout)
        places = {id(rendered): row for rendered, row in zip(rows, read.rows, strict=True)}
        split = carve_validation(rows, seed=self._dataset.seed, share=ratio)
        if split.validation is None:
            raise DatasetLoadError(self._dataset.path, "there are too few different rows to hold some out")
        sides = {"train": split.train, "validation": split.validation}
        return {name: [places[id(row)] for row in side] for name, side in sides.items()}

    def _encode(self, rows: list[Row], layout: Layout, texts: list[str], *, shuffle: bool) -> TokenisedSplit:
        rows = list(rows)
        if shuffle:
            random.Random(self._dataset.seed).shuffle(rows)
        if layout.kind is Kind.TOKENS:
            examples = tuple(read_examples(row.value for row in rows))
            texts += [self._tokenizer.decode(one.input_ids, skip_special_tokens=True) for one in examples]
            targets = sum(one.targets for one in examples)
            tokens = sum(one.tokens for one in examples)
            return TokenisedSplit(examples, TokenLedger(len(examples), tokens=tokens, target_tokens=targets))
        rendered, row_format = normalise_rows(render_rows(rows, layout), self._dataset.path)
        texts += [row_text(row) for row in rendered]
        return encode_rows(rendered, row_format, self._tokenizer, self._tokenization, self._dataset.path)


def prepare_dataset(
    dataset_config: DatasetConfig,
    tokenization_config: TokenizationConfig,
    tokenizer: Any,
    split_for_validation: bool = False,
    validation_ratio: float = 0.1,
) -> Any:
    """Return a ``Dataset``, or with ``split_for_validation`` a ``DatasetDict``; see ``DataPipeline.run``."""
    return DataPipeline(dataset_config, tokenization_config, tokenizer).run(split_for_validation, validation_ratio)


def quick_load(
    path: str | Path,
    tokenizer: Any,
    source: str | DatasetSource = "local",
    max_samples: int | None = None,
    max_length: int = 512,
) -> Any:
    """Return a ``Dataset`` of ``input_ids``, ``attention_mask`` and ``labels``, padded to ``max_length`` tokens.

    Prompts and padding are -100 in ``labels``; the end of text is a target. ``source`` is ``local`` or ``huggingface``.

    Raises:
        DatasetError: the data cannot be found, read or learnt from.
    """
    known = {*_SOURCES, *DatasetSource}
    if source not in known:
        raise InvalidConfigError(f"source must be local or huggingface, got {source!r}")
    where = _SOURCES.get(source) or DatasetSource(source)
    dataset = DatasetConfig(source=where, path=str(path), max_samples=max_samples, shuffle=False)
    return prepare_dataset(dataset, TokenizationConfig(max_length=max_length), tokenizer)
