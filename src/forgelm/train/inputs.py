"""Examples to what a model is called with outside of training: padded tokens, and images where there are some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.train.scenes import collate_scenes
from forgelm.train.tokenise import Example


def build_inputs(model: Any, examples: Sequence[Example], *, pad_token_id: int, masked: bool = True) -> dict[str, Any]:
    """Return the arguments of one call of ``model``, on its device; ``masked`` tells it which tokens are padding."""
    torch = load_extra("torch", extra="train")
    if examples[0].scene is not None:
        batch = collate_scenes(examples, pad_token_id=pad_token_id)
        return {name: _move(model, value) for name, value in batch.items() if name != "labels"}
    width = max(len(example.input_ids) for example in examples)
    ids = [example.input_ids + [pad_token_id] * (width - len(example.input_ids)) for example in examples]
    inputs = {"input_ids": torch.tensor(ids, device=model.device)}
    if masked:
        mask = [[1] * len(example.input_ids) + [0] * (width - len(example.input_ids)) for example in examples]
        inputs["attention_mask"] = torch.tensor(mask, device=model.device)
    return inputs


def _move(model: Any, value: Any) -> Any:
    # Pixels come in 32 bits; a model loaded in 16 takes its own kind.
    return value.to(model.device, dtype=model.dtype if value.is_floating_point() else None)
