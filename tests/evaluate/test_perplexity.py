"""Perplexity: the value one computes by hand, whatever is padded beside it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support import ember_model, ember_tokenizer

from forgelm.base.errors import ArgumentError
from forgelm.evaluate.perplexity import measure_perplexity

TEXTS = [
    "Two lattes please.",
    "I would like one large flat white with oat milk, and a slice of the lemon cake for my friend, thank you.",
    "A tea.",
    "Three espressos and a croissant to go, no sugar",
    "Hi",
] * 4


@pytest.fixture(scope="module")
def model() -> Any:
    return ember_model()


def by_hand(model: Any, tokenizer: Any, pairs: list[tuple[str, str]]) -> float:
    """Each text on its own, without a batch: the plain definition."""
    total, count = 0.0, 0
    for prompt, text in pairs:
        asked = tokenizer(prompt)["input_ids"] if prompt else []
        ids = asked + tokenizer(text)["input_ids"]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0].double()
        for place in range(max(len(asked), 1), len(ids)):
            total -= torch.log_softmax(logits[place - 1], dim=-1)[ids[place]].item()
            count += 1
    return math.exp(total / count)


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_it_is_the_value_of_the_definition_at_every_batch_size(model: Any, batch_size: int) -> None:
    tokenizer = ember_tokenizer()
    found = measure_perplexity(model, tokenizer, TEXTS, batch_size=batch_size)
    expected = by_hand(model, tokenizer, [("", text) for text in TEXTS])
    assert found.value == pytest.approx(expected, rel=1e-4)
    assert found.n == sum(len(tokenizer(text)["input_ids"]) - 1 for text in TEXTS)


def test_a_prompt_stands_before_and_is_not_counted(model: Any) -> None:
    tokenizer = ember_tokenizer()
    prompts = [f"Order {number}: " for number in range(len(TEXTS))]
    found = measure_perplexity(model, tokenizer, TEXTS, prompts=prompts, batch_size=3)
    assert found.value == pytest.approx(by_hand(model, tokenizer, list(zip(prompts, TEXTS, strict=True))), rel=1e-4)
    assert found.n == sum(len(tokenizer(text)["input_ids"]) for text in TEXTS)


def test_what_is_cut_or_has_nothing_to_predict_is_told(model: Any) -> None:
    tokenizer = ember_tokenizer()
    found = measure_perplexity(model, tokenizer, ["", *TEXTS[:2]], max_length=6)
    assert found.details["texts_without_a_counted_token"] == 1
    assert found.details["texts_cut"] == sum(len(tokenizer(text)["input_ids"]) > 6 for text in TEXTS[:2])
    nothing = measure_perplexity(model, tokenizer, [""])
    assert nothing.value is None and nothing.problem
    with pytest.raises(ArgumentError, match="1 prompts"):
        measure_perplexity(model, tokenizer, TEXTS, prompts=["a"])
