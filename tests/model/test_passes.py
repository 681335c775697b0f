"""What is called before each pass is called, whoever makes the pass, and ends it with what it raises."""

from __future__ import annotations

from typing import Any

import pytest
from support import ember_model, ember_tokenizer

from forgelm.config.model import LoraConfig
from forgelm.data.rows import Row
from forgelm.model.adapters import attach_adapter
from forgelm.model.generate import generate_texts
from forgelm.model.passes import before_each_pass
from forgelm.train.logps import measure_likelihoods
from forgelm.train.tokenise import Example


class Enough(BaseException):
    """What the callback raises."""


class Counter:
    """Counts its calls, and raises at the ``last``."""

    def __init__(self, last: int | None = None) -> None:
        self.calls, self.last = 0, last

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.last:
            raise Enough


def generate(model: Any) -> None:
    generate_texts(model, ember_tokenizer(), [[5, 6, 7], [8, 9]], max_new_tokens=4, batch_size=1)


def score(model: Any) -> None:
    examples = [Example([5, 6, 7], [-100, 6, 7], Row({}, "text", number)) for number in range(3)]
    measure_likelihoods(model, examples, pad_token_id=0)


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("ask", [generate, score])
def test_every_pass_is_preceded_by_the_call_and_ended_by_what_it_raises(adapted: bool, ask: Any) -> None:
    model = ember_model()
    if adapted:
        model = attach_adapter(model, LoraConfig(r=2), quantised=False, gradient_checkpointing=False)
    counter = Counter()
    with before_each_pass(model, counter):
        ask(model)
    assert counter.calls >= (2 if ask is generate else 1)
    seen, ending = counter.calls, Counter(last=1)
    with pytest.raises(Enough), before_each_pass(model, ending):
        ask(model)
    assert ending.calls == 1
    ask(model)
    assert counter.calls == seen


def test_a_model_without_an_embedding_is_watched_as_a_whole() -> None:
    import torch

    class Bare(torch.nn.Linear):
        def get_input_embeddings(self) -> Any:
            raise NotImplementedError

    model, counter = Bare(2, 2), Counter()
    with before_each_pass(model, counter):
        model(torch.zeros(1, 2))
    assert counter.calls == 1
