"""Drawing: from the distribution that was asked for, the same whatever shares a batch."""

from __future__ import annotations

import pytest
import torch
from support import ember_model, ember_tokenizer

from forgelm.model.generate import generate_texts
from forgelm.model.sampling import Sampling, build_processors

PROMPTS = ["two lattes", "I would like a large tea, please, for table 9", "cola", "One flat white and a brownie"]


def draws(sampling: Sampling, logits: list[float], count: int) -> torch.Tensor:
    """The shares of each token over ``count`` rows with the same logits."""
    processors = build_processors(sampling, range(count))
    scores = torch.tensor([logits]).repeat(count, 1)
    chosen = processors(torch.zeros((count, 1), dtype=torch.long), scores).argmax(dim=-1)
    return torch.bincount(chosen, minlength=len(logits)) / count


def test_draws_follow_the_softmax_at_the_temperature() -> None:
    logits = [1.0, 0.0, -1.0, 2.0]
    for temperature in (0.5, 1.0, 2.0):
        wanted = torch.softmax(torch.tensor(logits) / temperature, dim=-1)
        assert draws(Sampling(temperature, seed=3), logits, 20000) == pytest.approx(wanted, abs=0.015)


def test_top_p_leaves_the_unlikely_out() -> None:
    found = draws(Sampling(top_p=0.6, seed=1), [3.0, 2.8, 0.0, -1.0], 4000)
    assert found[2:].sum() == 0
    assert found[:2].min() > 0.3


def test_a_reply_does_not_depend_on_its_batch() -> None:
    model, tokenizer = ember_model(), ember_tokenizer()
    ids = [tokenizer(text)["input_ids"] for text in PROMPTS]
    sampling = Sampling(0.9, 0.95, seed=7)
    made = [
        generate_texts(model, tokenizer, ids, max_new_tokens=12, batch_size=size, sampling=sampling)
        for size in (1, 3, 4)
    ]
    assert made[0] == made[1] == made[2]
    other = generate_texts(model, tokenizer, ids, max_new_tokens=12, sampling=Sampling(0.9, 0.95, seed=8))
    assert other != made[0]


def test_no_temperature_and_no_mass_are_greedy() -> None:
    assert build_processors(None, [0]) is None
    assert build_processors(Sampling(temperature=0.0), [0]) is None
    assert build_processors(Sampling(top_p=0.0), [0]) is None
