"""Prepared rows to what a trainer sees: both splits as tokens, or the reason why they cannot be learnt from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import PreparedData
from forgelm.model.reward import RewardModel
from forgelm.train.rewards import Reward, check_answers, choose_rewards
from forgelm.train.scenes import Processing, open_processing
from forgelm.train.token_ledger import check_loss
from forgelm.train.tokenise import (
    Encoding,
    TokenisedSplit,
    check_masks,
    choose_encoding,
    choose_reply_mask,
    read_stop_ids,
    tokenise,
)


@dataclass(frozen=True)
class TokenisedData:
    """Both splits as tokens, how they were made, and what scores replies to them, where they are prompts alone.

    ``processing`` is there where the rows have images.
    """

    encoding: Encoding
    train: TokenisedSplit
    validation: TokenisedSplit | None
    rewards: tuple[Reward, ...] = ()
    processing: Processing | None = None


def tokenise_data(config: ForgeConfig, prepared: PreparedData, tokenizer: Any, generation: Any = None) -> TokenisedData:
    """Tokenise both splits and refuse a mask, an ending or a loss of tokens that would make the training wrong.

    Where rows have images, ``tokenizer`` is the model's processor.

    Raises:
        ModelError: the tokenizer or its chat template cannot express the data.
        DataError: the mask is empty, nothing teaches the model to stop, or too many tokens would be cut.
    """
    processing = open_processing(config, tokenizer)
    encoding = choose_encoding(
        tokenizer if processing is None else tokenizer.tokenizer,
        prepared.train,
        prepared.format,
        max_length=config.model.max_length,
        add_eos=config.data.add_eos,
        reply_mask=choose_reply_mask(config.training, prepared.format),
        generation_stop_ids=read_stop_ids(generation),
    )
    if processing is not None:
        encoding = replace(encoding, seeing=processing.encode)
    train = tokenise(prepared.train, encoding)
    check_loss(train.ledger, limit=config.data.max_tokens_lost, max_length=config.model.max_length)
    check_masks(train, encoding)
    validation = tokenise(prepared.validation, encoding) if prepared.validation else None
    if validation is not None and not validation.examples:
        raise DataError("no validation row has anything to learn within model.max_length")
    return TokenisedData(encoding, train, validation, _choose_rewards(config, train), processing)


def _choose_rewards(config: ForgeConfig, train: TokenisedSplit) -> tuple[Reward, ...]:
    if config.training.trainer_type != "grpo":
        return ()
    _check_groups(config, len(train.examples))
    columns = list(dict.fromkeys(name for example in train.examples for name in example.row.value["columns"]))
    model = check_answers("reward_model", RewardModel(config)) if config.training.grpo_reward_model else None
    return choose_rewards(config.training, columns, model)


def _check_groups(config: ForgeConfig, rows: int) -> None:
    training = config.training
    drawn = training.per_device_train_batch_size * training.gradient_accumulation_steps * read_place().count
    needed = drawn // training.grpo_num_generations
    if rows < needed:
        raise DataError(
            f"there are {rows} prompts to train on, and one step takes {needed}",
            hint="add rows, raise grpo_num_generations, or lower per_device_train_batch_size",
        )
