"""Rows in one sequence do not see each other, nor do their gradients; a model that mixes them is refused."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
import torch
from support import ember_model
from transformers import AutoModelForCausalLM

from forgelm.base.errors import ModelError
from forgelm.data.rows import Row
from forgelm.train.leaks import check_rows_apart
from forgelm.train.tokenise import Example

FIRST, SECOND = [10, 11, 12, 13, 14], [5, 6, 7, 8]


def examples() -> list[Example]:
    rows = [Row({}, "rows.jsonl", number) for number in (1, 2)]
    return [Example(ids, list(ids), row) for ids, row in zip((FIRST, SECOND), rows, strict=True)]


def load(attention: str) -> Any:
    folder = str(files("forgelm.model") / "ember")
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention)


@pytest.mark.parametrize("attention", ["eager", "sdpa", "flex_attention"])
def test_a_rows_logits_do_not_depend_on_the_row_before_it(attention: str) -> None:
    assert check_rows_apart(load(attention), examples()) < 1e-6


# torch has no backward pass of flex_attention on a CPU.
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_nor_do_its_gradients(attention: str) -> None:
    model = load(attention)
    gradients = []
    for first in (FIRST, [20, 21, 22, 23, 24]):
        model.zero_grad()
        ids = torch.tensor([first + SECOND])
        # As TRL joins rows, none predicts the first token of the next.
        labels = torch.tensor([[-100] * (len(first) + 1) + SECOND[1:]])
        positions = torch.tensor([[*range(len(first)), *range(len(SECOND))]])
        model(input_ids=ids, labels=labels, position_ids=positions, use_cache=False).loss.backward()
        gradients.append(model.model.layers[0].self_attn.k_proj.weight.grad.clone())
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


class Mixing(torch.nn.Module):
    """A model whose attention knows nothing of positions that begin again."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ember_model()
        self.config, self.device = self.inner.config, torch.device("cpu")

    def get_input_embeddings(self) -> Any:
        return self.inner.get_input_embeddings()

    def forward(self, input_ids: Any, position_ids: Any, use_cache: bool) -> Any:
        return self.inner(input_ids=input_ids, use_cache=use_cache)


def test_a_model_in_which_rows_mix_is_refused_with_its_attention_named() -> None:
    model = Mixing().train()
    with pytest.raises(ModelError, match=r"would see each other in this model \(attention sdpa\)"):
        check_rows_apart(model, examples())
    assert model.training
