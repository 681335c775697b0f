"""The library's way to the data a trainer sees."""

from __future__ import annotations

from typing import Any

from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.train.tokenised import tokenise_data
from forgelm.train.trainers import choose_kind


def prepare_dataset(config: ForgeConfig, tokenizer: Any) -> dict[str, Any]:
    """Return ``{"train": Dataset, "validation": Dataset}`` ready for the configured trainer.

    For SFT the columns are ``input_ids`` and ``labels`` (lists of int, equal length; -100 where no loss is taken).
    ``validation`` is absent when there is none. Of a model that reads images ``tokenizer`` is the processor, and each
    row has its images under ``images`` and what makes a batch of it under ``example``.

    Raises:
        DataError: the data cannot be read or learnt from.
        ModelError: the tokenizer or its chat template cannot express the data.
    """
    prepared = prepare_run(config)
    tokenised = tokenise_data(config, prepared, tokenizer)
    build = choose_kind(config).build_dataset
    splits = {"train": build(tokenised.train.examples)}
    if tokenised.validation is not None:
        splits["validation"] = build(tokenised.validation.examples)
    return splits
