"""Likelihoods equal those computed by hand, in the order of the rows, whatever the batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support import ember_model

from forgelm.data.rows import Row
from forgelm.train import logps
from forgelm.train.logps import Likelihood, measure_likelihoods
from forgelm.train.tokenise import IGNORED, Example

ROW = Row({}, "d", 1)
EXAMPLES = (
    Example([5, 6, 7], [IGNORED, 6, 7], ROW),
    Example([5, 9, 11, 13, 17], [IGNORED, IGNORED, IGNORED, 13, 17], ROW),
    Example([8, 9], [IGNORED, 9], ROW),
)


def by_hand(model: Any, example: Example) -> float:
    with torch.no_grad():
        logs = torch.log_softmax(model(input_ids=torch.tensor([example.input_ids])).logits[0].double(), -1)
    return sum(float(logs[at, label]) for at, label in enumerate(example.labels[1:]) if label != IGNORED)


@pytest.mark.parametrize("budget", [1, 2**27])
def test_each_reply_is_summed_in_its_place(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logps, "_MAX_LOGITS", budget)
    model = ember_model()
    found = measure_likelihoods(model, EXAMPLES, pad_token_id=0)
    assert [reply.logp for reply in found] == pytest.approx([by_hand(model, one) for one in EXAMPLES], abs=1e-3)
    assert [reply.tokens for reply in found] == [2, 2, 1]


def test_the_mean_is_per_token() -> None:
    assert Likelihood(-3.0, 2).mean == -1.5
