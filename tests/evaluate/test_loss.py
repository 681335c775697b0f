"""The loss: equal to a hand-computed one, and the same at every batch size and mix of lengths."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support import ember_model, ember_tokenizer, order_rows

from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.loss import measure_loss
from forgelm.train import logps
from forgelm.train.tokenise import IGNORED, Example, choose_encoding, tokenise


@pytest.fixture(scope="module")
def model() -> Any:
    return ember_model()


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    rows = tuple(Row(value, "rows", number) for number, value in enumerate(order_rows(9), 1))
    encoding = choose_encoding(
        ember_tokenizer(), rows, RowFormat.MESSAGES, max_length=256, add_eos=True, reply_mask=None
    )
    return tokenise(rows, encoding).examples


def by_hand(model: Any, examples: tuple[Example, ...]) -> float:
    total, count = 0.0, 0
    with torch.no_grad():
        for example in examples:
            logits = model(input_ids=torch.tensor([example.input_ids])).logits[0].double()
            logs = torch.log_softmax(logits, -1)
            for position, label in enumerate(example.labels[1:]):
                if label != IGNORED:
                    total -= float(logs[position, label])
                    count += 1
    return total / count


def test_it_equals_a_loss_computed_by_hand(model: Any, examples: tuple[Example, ...]) -> None:
    measured = measure_loss(model, examples, pad_token_id=0, baseline=9.0)
    assert measured.value == pytest.approx(by_hand(model, examples), abs=1e-5)
    assert measured.n == sum(label != IGNORED for example in examples for label in example.labels)
    assert measured.details["perplexity"] == pytest.approx(math.exp(measured.value))
    assert measured.baseline == 9.0


@pytest.mark.parametrize("budget", [1, 1024 * 200, 1024 * 500, 2**30])
def test_the_batch_size_does_not_change_it(
    model: Any, examples: tuple[Example, ...], budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure_loss(model, examples, pad_token_id=0).value
    monkeypatch.setattr(logps, "_MAX_LOGITS", budget)
    assert measure_loss(model, examples, pad_token_id=0).value == pytest.approx(whole, abs=1e-5)


def test_nothing_to_measure_is_said_and_is_no_number(model: Any) -> None:
    measured = measure_loss(model, (), pad_token_id=0)
    assert measured.value is None
    assert measured.problem == "there are no validation rows"


def test_the_models_mode_is_kept(model: Any, examples: tuple[Example, ...]) -> None:
    model.train()
    measure_loss(model, examples[:1], pad_token_id=0)
    assert model.training
    model.eval()
