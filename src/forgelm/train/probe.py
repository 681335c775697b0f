"""Asks a model for its next-token logits on a few fixed rows, so that two models can be compared number by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.train.tokenise import Example

_ROWS = 4
_TOKENS = 64


def choose_probe(examples: Sequence[Example]) -> tuple[tuple[int, ...], ...]:
    """Return the token ids of the first few rows, at most 4 rows of 64 tokens."""
    return tuple(tuple(example.input_ids[:_TOKENS]) for example in examples[:_ROWS])


def probe_logits(model: Any, probe: Sequence[Sequence[int]]) -> list[Any]:
    """Return for each row the float32 logits on the CPU, shape [tokens, vocabulary]; the model's mode is kept."""
    torch = load_extra("torch", extra="train")
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return [
                model(input_ids=torch.tensor([list(row)], device=model.device), use_cache=False).logits[0].float().cpu()
                for row in probe
            ]
    finally:
        model.train(was_training)
