"""Greedy replies with the probability of each token."""

from __future__ import annotations

import math

import pytest
from support import ember_model, ember_tokenizer

from forgelm.model.generate import generate_texts
from forgelm.model.generate_scored import Reply, generate_scored, in_batches


def test_replies_and_probabilities_do_not_depend_on_the_batch() -> None:
    model, tokenizer = ember_model(), ember_tokenizer()
    chats = [[{"role": "user", "content": text}] for text in ("Two teas, please.", "What do you have for lunch?", "Hi")]
    prompts = [
        list(tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"])
        for chat in chats
    ]
    found = {size: generate_scored(model, tokenizer, prompts, max_new_tokens=12, batch_size=size) for size in (1, 2, 3)}
    for size in (2, 3):
        for one, other in zip(found[1], found[size], strict=True):
            assert (one.text, one.ends) == (other.text, other.ends)
            assert one.logps == pytest.approx(other.logps, abs=1e-4)
    assert [reply.text for reply in found[1]] == generate_texts(model, tokenizer, prompts, max_new_tokens=12)


def test_log_probabilities_are_those_of_the_model() -> None:
    import torch

    model, tokenizer = ember_model(), ember_tokenizer()
    chat = [{"role": "user", "content": "Two teas, please."}]
    prompt = list(tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"])
    (reply,) = generate_scored(model, tokenizer, [prompt], max_new_tokens=6)
    said = tokenizer.encode(reply.text)[: len(reply.logps)]
    with torch.no_grad():
        logits = torch.log_softmax(model(torch.tensor([prompt + said])).logits[0].float(), dim=-1)
    expected = [float(logits[len(prompt) - 1 + index, token]) for index, token in enumerate(said)]
    assert reply.logps == pytest.approx(expected, abs=1e-4)


def test_a_span_takes_the_tokens_that_touch_it() -> None:
    reply = Reply("unsafe\nS2", (2, 6, 7, 9), (math.log(0.5), math.log(0.8), -1.0, -2.0))
    assert math.exp(reply.log_probability(0, 6)) == pytest.approx(0.4)
    assert reply.log_probability(6, 7) == -1.0
    assert reply.log_probability(1, 3) == pytest.approx(math.log(0.4))


def test_a_batch_that_does_not_fit_is_halved_down_to_one() -> None:
    import torch

    sizes: list[int] = []

    def work(batch: object) -> list[int]:
        assert isinstance(batch, list)
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return [item * 10 for item in batch]

    assert in_batches(list(range(7)), 5, work) == [0, 10, 20, 30, 40, 50, 60]
    assert sizes == [5, 2, 2, 2, 1]


def test_one_item_that_does_not_fit_is_an_error() -> None:
    import torch

    def work(batch: object) -> list[int]:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        in_batches([1], 4, work)
