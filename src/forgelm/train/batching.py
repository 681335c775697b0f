"""A configuration, its rows and its model to how batches are put together: what is set, what is chosen, and why."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.data.batching import Batching, Mode, Wanted, choose_batching
from forgelm.train.joined import joins_rows
from forgelm.train.leaks import check_rows_apart
from forgelm.train.seal import read_identity, read_version
from forgelm.train.tokenise import Example

_ORDER = "train_sampling_strategy"
_BATCHING = ("padding_free", _ORDER)
_CHOSEN = (*_BATCHING, "precompute_ref_log_probs")


@dataclass(frozen=True)
class Settled:
    """``config`` with nothing left open about batches and dpo's reference; how rows become batches, and why.

    ``joins`` says whether lines are ours.
    """

    config: ForgeConfig
    batching: Batching
    joins: bool


def plan_batching(config: ForgeConfig, examples: Sequence[Example], obstacle: str | None) -> Batching:
    """Return how ``examples`` become batches. What is set wins; ``obstacle`` says why rows cannot be joined."""
    training = config.training
    order = training.train_sampling_strategy
    if order is None and not config.data.shuffle:
        order = "sequential"
    # Replies are drawn anew each time, so prompts have no length to group them by.
    drawn = training.trainer_type == "grpo"
    lengths = [0 if drawn else max(len(side.input_ids) for side in example.sides) for example in examples]
    if drawn and order == "group_by_length":
        order = "random"
    found = choose_batching(
        lengths,
        training.per_device_train_batch_size,
        max_length=config.model.max_length,
        wanted=Wanted(_read_mode(config), order, obstacle),
    )
    return replace(found, reason="replies are drawn in every step, so no lengths are known") if drawn else found


def _read_mode(config: ForgeConfig) -> Mode | None:
    training = config.training
    if training.trainer_type != "sft":
        return None
    if training.packing:
        return "packing"
    if training.padding_free is None:
        return None
    return "padding_free" if training.padding_free else "padded"


def foresee_batching(config: ForgeConfig, examples: Sequence[Example], architecture: Any) -> Batching:
    """Return the choice as far as it is known without the model's weights, which show whether it keeps rows apart."""
    return plan_batching(config, examples, find_setting_obstacle(config, architecture))


def find_setting_obstacle(config: ForgeConfig, architecture: Any) -> str | None:
    """Return what in the settings or in transformers' configuration of the model keeps rows from being joined."""
    training, text = config.training, architecture.get_text_config()
    chunk = getattr(text, "attention_chunk_size", None)
    reasons = {
        f"trainer_type {training.trainer_type} compares whole batches": training.trainer_type != "sft",
        "they have images": config.model.images is not None,
        "NEFTune's noise depends on the length of a line": training.neftune_noise_alpha is not None,
        "each shape of a joined batch would be compiled anew": training.torch_compile,
        "the balance of its experts is measured over whole lines": _balances_experts(text),
        f"the model attends within chunks of {chunk} tokens": chunk is not None and chunk < config.model.max_length,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _balances_experts(text: Any) -> bool:
    """Whether TRL adds the balance of the experts to the loss: it does at any weight that is named and not zero.

    Joined rows have no mask that would keep filler out of that balance. Without it, an expert sees token by token.
    """
    return hasattr(text, "output_router_logits") and bool(getattr(text, "router_aux_loss_coef", 0.0))


def find_model_obstacle(config: ForgeConfig, model: Any, examples: Sequence[Example]) -> str | None:
    """Return what keeps rows of ``model`` from being joined, ``None`` where it was seen to keep them apart."""
    if obstacle := find_setting_obstacle(config, model.config):
        return obstacle
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    if "position_ids" not in inspect.signature(whole.forward).parameters:
        return "the model takes no position_ids"
    try:
        check_rows_apart(model, examples)
    except ModelError:
        return "they would see each other in this model"
    return None


def settle_batching(config: ForgeConfig, model: Any, examples: Sequence[Example], checkpoint: Path | None) -> Settled:
    """Return how ``examples`` become batches of ``model``.

    Raises:
        ModelError: joined rows were asked for, and they would see each other in this model.
    """
    left_open = [name for name in _BATCHING if getattr(config.training, name) is None]
    config = inherit_choices(config, checkpoint)
    if _read_mode(config) in ("packing", "padding_free"):
        check_rows_apart(model, examples)
    obstacle = find_model_obstacle(config, model, examples) if _read_mode(config) is None else None
    found = plan_batching(config, examples, obstacle)
    if checkpoint is not None and left_open:
        found = replace(found, reason=f"as {checkpoint.name} was trained")
    chosen: dict[str, Any] = {"padding_free": found.mode == "padding_free", _ORDER: found.order}
    if config.training.trainer_type == "dpo":
        chosen["precompute_ref_log_probs"] = config.training.asks_reference_once(read_place().count)
    config = _set(config, {name: value for name, value in chosen.items() if getattr(config.training, name) is None})
    return Settled(config, found, found.mode == "padding_free" and joins_rows(model.config._attn_implementation))


def inherit_choices(config: ForgeConfig, checkpoint: Path | None) -> ForgeConfig:
    """Return ``config`` with what it leaves open chosen as ``checkpoint`` was trained with.

    Another version may choose otherwise; a continued training keeps its order of rows and how its reference is asked.
    """
    if checkpoint is None:
        return config
    saved = read_training(config, checkpoint)
    named = {name: saved.get(f"training.{name}") for name in _CHOSEN if getattr(config.training, name) is None}
    return _set(config, {name: value for name, value in named.items() if value is not None})


def read_training(config: ForgeConfig, checkpoint: Path) -> dict[str, Any]:
    """Return what the sealed ``checkpoint`` belongs to, with the order that its rows were taken in.

    Seals of version 1 say ``group_by_length``, the default then, also where ``data.shuffle: false`` kept the order of
    the data because no other was set.
    """
    saved, key = read_identity(checkpoint), f"training.{_ORDER}"
    left_open = config.training.train_sampling_strategy is None and not config.data.shuffle
    if left_open and read_version(checkpoint) == 1 and saved.get(key) == "group_by_length":
        saved[key] = "sequential"
    return saved


def _set(config: ForgeConfig, fields: dict[str, Any]) -> ForgeConfig:
    for name, value in fields.items():
        config = config.replace(f"training.{name}", value)
    return config
