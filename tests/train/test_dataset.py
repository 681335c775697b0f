"""``prepare_dataset``: the splits a trainer takes, as the library returns them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import ember_tokenizer

from forgelm.base.errors import DataError
from forgelm.config.root import ForgeConfig
from forgelm.train.dataset import prepare_dataset


def test_splits_are_tokenised_and_masked(make_config: Callable[..., ForgeConfig]) -> None:
    splits = prepare_dataset(make_config(), ember_tokenizer())
    assert set(splits) == {"train", "validation"}
    assert len(splits["train"]) + len(splits["validation"]) == 120
    row = splits["train"][0]
    assert set(row) == {"input_ids", "labels"}
    assert len(row["input_ids"]) == len(row["labels"])
    masked = [label for label in row["labels"] if label == -100]
    assert 0 < len(masked) < len(row["labels"])


def test_the_same_refusals_as_in_training(make_config: Callable[..., ForgeConfig]) -> None:
    with pytest.raises(DataError, match="108 were dropped at"):
        prepare_dataset(make_config(model={"max_length": 8}), ember_tokenizer())
