"""Joined rows have the losses and gradients of padded ones, in every attention that keeps rows apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import pytest
import torch
from families import build_configuration
from hypothesis import given
from hypothesis import strategies as st
from sft_trainer import trainer_for
from support import ember_model
from transformers import AutoModelForCausalLM, MixtralForCausalLM
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from forgelm.data.rows import Row
from forgelm.train.joined import JoinedCollator, join_within_batch, joins_rows, real_positions
from forgelm.train.tokenise import IGNORED, Example

PADDED = DataCollatorForLanguageModeling(pad_token_id=0)
LENGTHS = (40, 3, 9, 1, 12, 2, 21, 7)


def rows_of(lengths: Sequence[int], *, masked: int = 1) -> list[dict[str, list[int]]]:
    ids = [[5 + (7 * number + place) % 90 for place in range(length)] for number, length in enumerate(lengths)]
    return [{"input_ids": row, "labels": [IGNORED] * masked + row[masked:]} for row in ids]


def collate(rows: Sequence[Any]) -> dict[str, Any]:
    return join_within_batch(DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True))(rows)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9))
def test_every_token_is_there_once_beside_its_label_and_the_rest_is_filler(lengths: list[int]) -> None:
    rows = rows_of(lengths)
    batch = collate(rows)
    if "attention_mask" in batch:
        assert {name: value.tolist() for name, value in batch.items()} == {
            name: value.tolist() for name, value in PADDED(rows).items()
        }
        return
    real = real_positions(batch["position_ids"])
    assert int(real.sum()) == sum(lengths)
    assert set(batch["labels"][~real].tolist()) <= {IGNORED}
    assert set(batch["labels"][batch["position_ids"] == 0].tolist()) == {IGNORED}
    starts = (batch["position_ids"][real] == 0).nonzero().flatten().tolist()
    found = [part.tolist() for part in batch["input_ids"][real].tensor_split(starts[1:])]
    assert sorted(found) == sorted(row["input_ids"] for row in rows)


def losses(model: Any, batch: dict[str, Any]) -> tuple[float, list[Any]]:
    """The summed loss of all targets, and its gradients."""
    model.zero_grad()
    labels = batch.pop("labels")
    logits = model(**batch, use_cache=False).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    loss.backward()
    return float(loss.detach()), [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]


# torch has no backward pass of flex_attention on a CPU.
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("masked", [0, 1])
def test_losses_and_gradients_are_those_of_the_padded_batch(attention: str, masked: int) -> None:
    folder = str(files("forgelm.model") / "ember")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention)
    rows = rows_of(LENGTHS, masked=masked)
    joined = collate(rows)
    assert joined["input_ids"].numel() < 0.4 * len(LENGTHS) * max(LENGTHS)
    (loss, gradients), (wanted, padded) = losses(model, joined), losses(model, PADDED(rows))
    assert loss == pytest.approx(wanted, rel=1e-5)
    assert len(gradients) == len(padded) > 30
    for mine, theirs in zip(gradients, padded, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=2e-5 * float(theirs.abs().max()))


def test_rows_of_one_length_are_trls_padded_batch() -> None:
    rows = rows_of([6, 6, 6])
    assert set(collate(rows)) == {"input_ids", "labels", "attention_mask"}
    assert isinstance(join_within_batch(PADDED), JoinedCollator)


@pytest.mark.parametrize(
    ("attention", "ours"),
    [("sdpa", True), ("eager", True), (None, True), ("flash_attention_2", False), ("kernels-x/flash-attn3", False)],
)
def test_flash_attention_gets_one_line(attention: str | None, ours: bool) -> None:
    assert joins_rows(attention) is ours


@pytest.fixture
def trainer_of(make_config: Callable[..., Any]) -> Callable[..., Any]:
    def make(model: Any = None, *, joins: bool) -> Any:
        rows = [Example(row["input_ids"], row["labels"], Row({}, "rows", 1)) for row in rows_of(LENGTHS * 4)]
        training = {"max_steps": 3, "logging_steps": 1, "per_device_train_batch_size": 8, "padding_free": joins}
        return trainer_for(make_config(lora=None, training=training), tuple(rows), model or ember_model(), joins=joins)

    return make


def mixture(balance: float) -> Any:
    torch.manual_seed(3)
    config = build_configuration("mixtral")
    config.router_aux_loss_coef = balance
    return MixtralForCausalLM(config)


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_a_mixture_of_experts_has_them_only_where_its_balance_is_not_learnt(
    trainer_of: Callable[..., Any], balance: float
) -> None:
    found = {}
    for joins in (True, False):
        trainer = trainer_of(mixture(balance), joins=joins)
        trainer.train()
        found[joins] = [log[name] for log in trainer.state.log_history for name in ("loss", "grad_norm") if name in log]
    assert len(found[True]) == 6
    assert (found[True] == pytest.approx(found[False], rel=1e-3)) is (balance == 0)


def test_a_training_has_the_padded_losses_and_counts_the_same_tokens(trainer_of: Callable[..., Any]) -> None:
    logs = {}
    for joins in (True, False):
        trainer = trainer_of(joins=joins)
        trainer.train()
        logs[joins] = [log for log in trainer.state.log_history if "loss" in log]
        batch = next(iter(trainer.get_eval_dataloader()))
        assert "attention_mask" in batch
    assert [log["num_tokens"] for log in logs[True]] == [log["num_tokens"] for log in logs[False]]
    for name in ("loss", "grad_norm"):
        joined, padded = ([log[name] for log in logs[joins]] for joins in (True, False))
        assert joined == pytest.approx(padded, rel=1e-4)
