"""Canaries asked of a model: ranks and exposures as published, replies told apart, broken models not passed."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support import ember_model, ember_tokenizer

from forgelm.data.canaries import build_canaries, build_references, build_row
from forgelm.data.rows import RowFormat
from forgelm.evaluate.memorisation.probe import probe_canaries
from forgelm.train.logps import measure_likelihoods
from forgelm.train.tokenise import Encoding, choose_encoding, encode

CANARIES = build_canaries(4, seed=1)
REFERENCES = build_references(15, CANARIES, seed=1)


def encoding(row_format: RowFormat = RowFormat.MESSAGES, mask: bool | None = None, chats: bool = True) -> Encoding:
    row = build_row("Who?", "1", row_format, chats=chats, number=1)
    return choose_encoding(ember_tokenizer(), [row], row_format, max_length=128, add_eos=True, reply_mask=mask)


def teach(model: Any, made: Encoding, chats: bool, steps: int = 60) -> Any:
    """Train on the first two canaries until the model says them."""
    rows = [build_row(one.question, one.code, made.format, chats=chats, number=one.number) for one in CANARIES[:2]]
    examples = list(encode(rows, made))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(steps):
        for example in examples:
            ids = torch.tensor([example.input_ids])
            model(input_ids=ids, labels=torch.tensor([example.labels])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.fixture(scope="module")
def unseen() -> Any:
    return ember_model()


def test_the_rank_counts_likelier_codes_and_exposure_is_what_it_leaves(unseen: Any) -> None:
    made = encoding()
    found = probe_canaries(unseen, made, CANARIES, REFERENCES)
    assert found.problem is None
    for one in found.canaries:
        rows = [
            build_row(one.canary.question, code, made.format, chats=True, number=1)
            for code in (one.canary.code, *REFERENCES)
        ]
        own, *others = measure_likelihoods(unseen, list(encode(rows, made)), pad_token_id=0)
        assert one.rank == 1 + sum(other.logp > own.logp for other in others)
        assert one.exposure == pytest.approx(4.0 - math.log2(one.rank))
        assert not one.extracted


@pytest.mark.parametrize(
    ("row_format", "mask", "chats"),
    [
        (RowFormat.MESSAGES, None, True),
        (RowFormat.MESSAGES, False, True),
        (RowFormat.PROMPT_COMPLETION, None, False),
        (RowFormat.PROMPT_COMPLETION, None, True),
        (RowFormat.TEXT, None, False),
    ],
    ids=str,
)
def test_what_was_learnt_by_heart_is_said_again_in_every_format(
    row_format: RowFormat, mask: bool | None, chats: bool
) -> None:
    made = encoding(row_format, mask, chats)
    found = probe_canaries(teach(ember_model(), made, chats), made, CANARIES, REFERENCES)
    assert [one.extracted for one in found.canaries] == [True, True, False, False]
    assert [one.rank for one in found.canaries[:2]] == [1, 1]
    assert found.canaries[0].reply.strip().startswith(CANARIES[0].code)


def test_a_model_without_numbers_is_not_taken_for_one_that_forgot() -> None:
    broken = ember_model()
    broken.lm_head.weight.data.fill_(math.nan)
    found = probe_canaries(broken, encoding(), CANARIES, REFERENCES)
    assert found.problem is not None or all(one.rank == 1 for one in found.canaries)
