"""Asks a model for its next-token logits on a few fixed rows, so that two models can be compared number by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.train.inputs import build_inputs
from forgelm.train.tokenise import Example

_ROWS = 4
_TOKENS = 64


def choose_probe(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Return the first few rows, at most 4 of 64 tokens; a row with images is kept whole."""
    return tuple(example if example.scene else _begin(example) for example in examples[:_ROWS])


def probe_logits(model: Any, probe: Sequence[Example]) -> list[Any]:
    """Return for each row the float32 logits on the CPU, shape [tokens, vocabulary]; the model's mode is kept."""
    torch = load_extra("torch", extra="train")
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return [
                model(**build_inputs(model, [row], pad_token_id=0, masked=False), use_cache=False)
                .logits[0]
                .float()
                .cpu()
                for row in probe
            ]
    finally:
        model.train(was_training)


def _begin(example: Example) -> Example:
    return replace(example, input_ids=example.input_ids[:_TOKENS], labels=example.labels[:_TOKENS], rejected=None)
