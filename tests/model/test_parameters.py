"""Parameters are counted as what they stand for: shared ones once, packed ones unpacked."""

from __future__ import annotations

from typing import Any

import torch
from support import ember_model

from forgelm.config.model import LoraConfig
from forgelm.model.adapters import attach_adapter
from forgelm.model.parameters import Parameters, count_parameters


def test_shared_weights_count_once_and_are_no_mere_lookup() -> None:
    model = ember_model()
    assert count_parameters(model) == Parameters(885_888, 885_888, lookup=0)


def test_an_embedding_of_its_own_is_a_lookup() -> None:
    model = ember_model()
    table = model.get_input_embeddings().weight
    model.lm_head.weight = torch.nn.Parameter(table.detach().clone())
    assert count_parameters(model) == Parameters(885_888 + table.numel(), 885_888 + table.numel(), table.numel())


def test_under_an_adapter_only_the_adapter_learns() -> None:
    lora = LoraConfig(r=4, target_modules=["q_proj"])
    model = attach_adapter(ember_model(), lora, quantised=False, gradient_checkpointing=False)
    # Four layers, from and to 128 channels, rank 4.
    assert count_parameters(model) == Parameters(885_888 + 4 * 2 * 4 * 128, 4 * 2 * 4 * 128)


def test_packed_weights_count_as_what_they_stand_for() -> None:
    class Params4bit(torch.nn.Parameter):
        pass

    def packed(dtype: Any) -> Any:
        return Params4bit(torch.zeros(32, dtype=dtype), requires_grad=False)

    model = ember_model()
    for dtype, weights in ((torch.uint8, 64), (torch.bfloat16, 128)):
        model.extra = packed(dtype)
        assert count_parameters(model).total == 885_888 + weights
