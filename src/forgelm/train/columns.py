"""Tokenised examples to the columns that each of TRL's trainers reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra
from forgelm.train.tokenise import IGNORED, Example


def build_sft_dataset(examples: Sequence[Example]) -> Any:
    """Return a ``datasets.Dataset`` with ``input_ids`` and ``labels``; labels stand where the loss is taken."""
    return _dataset(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
        }
    )


def build_pair_dataset(examples: Sequence[Example]) -> Any:
    """Return ``prompt_ids``, ``chosen_ids`` and ``rejected_ids``, for DPO."""
    columns: dict[str, list[list[int]]] = {"prompt_ids": [], "chosen_ids": [], "rejected_ids": []}
    for chosen, rejected in _sides(examples):
        begin = min(first_target(chosen), first_target(rejected))
        prompt = chosen.input_ids[:begin]
        if rejected.input_ids[:begin] != prompt:
            raise DataError(
                f"{chosen.row.where}: the prompt reads differently before the chosen and the rejected reply"
            )
        columns["prompt_ids"].append(prompt)
        columns["chosen_ids"].append(reply_ids(chosen, begin))
        columns["rejected_ids"].append(reply_ids(rejected, begin))
    return _dataset(columns)


def build_concatenated_dataset(examples: Sequence[Example]) -> Any:
    """Return prompt and reply together, with labels, for each side: for ORPO and SimPO."""
    sides = list(_sides(examples))
    columns: dict[str, list[list[int]]] = {}
    for name, part in (("chosen", 0), ("rejected", 1)):
        columns |= {
            f"{name}_input_ids": [side[part].input_ids for side in sides],
            f"{name}_attention_mask": [[1] * len(side[part].input_ids) for side in sides],
            f"{name}_labels": [side[part].labels for side in sides],
        }
    return _dataset(columns)


def build_feedback_dataset(examples: Sequence[Example]) -> Any:
    """Return ``prompt_ids``, ``completion_ids`` and ``label``, for KTO."""
    begins = [first_target(example) for example in examples]
    pairs = list(zip(examples, begins, strict=True))
    return _dataset(
        {
            "prompt_ids": [example.input_ids[:begin] for example, begin in pairs],
            "completion_ids": [reply_ids(example, begin) for example, begin in pairs],
            "label": [bool(example.row.value["label"]) for example in examples],
        }
    )


def build_prompt_dataset(examples: Sequence[Example]) -> Any:
    """Return each prompt with its other columns, for GRPO."""
    rows = prompt_rows(examples)

    # The rows themselves stay in Python: Arrow would fill messages up with nulls, and a column has to be of one type.
    def look_up(batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        return {name: [rows[place][name] for place in batch["place"]] for name in rows[0]}

    return _dataset({"place": list(range(len(rows)))}).with_transform(look_up)


def prompt_rows(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return each prompt with the columns beside it, every row with the same names, as reward functions get them."""
    names = list(dict.fromkeys(name for example in examples for name in example.row.value["columns"]))
    return [
        {"prompt": example.row.value["prompt"], **{name: example.row.value["columns"].get(name) for name in names}}
        for example in examples
    ]


def first_target(example: Example) -> int:
    """Return the place of the first token the loss is taken over."""
    return next(place for place, label in enumerate(example.labels) if label != IGNORED)


def reply_ids(example: Example, begin: int) -> list[int]:
    """Return the tokens from ``begin`` to the last target.

    Raises:
        DataError: something that is not the model's own words stands in between; these trainers compare whole replies.
    """
    end = max(place for place, label in enumerate(example.labels) if label != IGNORED) + 1
    if IGNORED in example.labels[first_target(example) : end]:
        raise DataError(
            f"{example.row.where}: the reply holds something the model does not say, such as a tool's answer",
            hint="move everything before the last assistant message into the prompt",
        )
    return example.input_ids[begin:end]


def _sides(examples: Sequence[Example]) -> list[tuple[Example, Example]]:
    return [(example, example.rejected) for example in examples if example.rejected is not None]


def _dataset(columns: dict[str, list[Any]]) -> Any:
    return load_extra("datasets", extra="train").Dataset.from_dict(columns)
