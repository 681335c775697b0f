"""Turns rendered rows into token ids and labels through the engine, and those into a ``datasets.Dataset``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from finetune_cli.core.translate import data_errors
from finetune_cli.core.types import TokenizationConfig
from forgelm.base.extras import load_extra
from forgelm.config.data import DataConfig
from forgelm.data.formats import normalise
from forgelm.data.rows import RawDataset, Row, RowFormat
from forgelm.train.tokenise import IGNORED, Example, TokenisedSplit, choose_encoding, tokenise

_log = logging.getLogger(__name__)
_UNLIMITED = 2**31


class _Bare:
    """A tokenizer that adds no special tokens unless it is asked to; everything else is the tokenizer's own."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *texts: Any, **options: Any) -> Any:
        return self._tokenizer(*texts, **{"add_special_tokens": False, **options})


def normalise_rows(rows: Sequence[Row], path: str) -> tuple[list[Row], RowFormat]:
    """Return rendered rows as the engine keeps them, every one checked.

    Raises:
        DatasetLoadError: rows that cannot teach anything; the message names the first of them.
    """
    with data_errors(path):
        raw = RawDataset(path, "local_file", {"train": list(rows)}, (), (), {})
        found = normalise(raw, DataConfig.model_validate({"dataset_name_or_path": path or "rows", "clean_text": False}))
    return found.splits["train"], found.format


def encode_rows(
    rows: Sequence[Row], row_format: RowFormat, tokenizer: Any, config: TokenizationConfig, path: str = ""
) -> TokenisedSplit:
    """Return the rows as tokens, the end of text a target, prompts masked, cut to ``max_length`` where that is asked.

    What was cut or left with nothing to learn is counted in the ledger and said in the log.
    """
    plain = config.add_special_tokens
    with data_errors(path):
        encoding = choose_encoding(
            tokenizer if plain else _Bare(tokenizer),
            rows,
            row_format,
            max_length=config.max_length if config.truncation else _UNLIMITED,
            add_eos=plain,
            reply_mask=None,
        )
        split = tokenise(rows, encoding)
    if split.ledger.lost:
        _log.warning(
            "%s: %d rows cut to %d tokens, %d left out with nothing to learn",
            path or "the dataset",
            split.ledger.rows_truncated,
            config.max_length,
            split.ledger.rows_dropped,
        )
    return split


def build_dataset(examples: Sequence[Example], tokenizer: Any, config: TokenizationConfig) -> Any:
    """Return a ``datasets.Dataset`` of ``input_ids``, ``attention_mask`` and ``labels``, padded as ``config`` says."""
    datasets = load_extra("datasets", extra="train")
    longest = max((len(example.input_ids) for example in examples), default=0)
    width = {"max_length": config.max_length, "longest": longest}.get(config.padding, 0)
    missing = [max(width - len(example.input_ids), 0) for example in examples]
    pads = list(zip(examples, missing, strict=True))
    columns = {"input_ids": [example.input_ids + [tokenizer.pad_token_id] * count for example, count in pads]}
    if config.return_attention_mask:
        columns["attention_mask"] = [[1] * len(example.input_ids) + [0] * count for example, count in pads]
    columns["labels"] = [example.labels + [IGNORED] * count for example, count in pads]
    return datasets.Dataset.from_dict(columns)


def read_examples(dataset: Any) -> list[Example]:
    """Return the rows of a tokenised dataset without their padding; without labels, every token is a target."""
    examples = []
    for number, row in enumerate(dataset, start=1):
        ids = list(row["input_ids"])
        mask = row.get("attention_mask") or [1] * len(ids)
        labels = row.get("labels") or ids
        kept = [place for place in range(_end(labels, mask)) if mask[place]]
        chosen = ([ids[place] for place in kept], [labels[place] for place in kept])
        examples.append(Example(*chosen, Row({}, "dataset", number)))
    return examples


def _end(labels: Sequence[int], mask: Sequence[int]) -> int:
    """Return where the row ends: behind its last target, since nothing after that teaches or is seen by a target."""
    targets = [place for place, label in enumerate(labels) if label != IGNORED and mask[place]]
    return targets[-1] + 1 if targets else len(labels)
