"""Asks a model: conversations in, replies out, greedy or drawn, the same at every batch size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.model.sampling import Sampling, build_processors


def generate_replies(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[dict[str, Any]]],
    *,
    max_new_tokens: int = 256,
    batch_size: int = 16,
) -> list[str]:
    """Return the greedy reply to each conversation, rendered with the tokenizer's own chat template."""
    prompts = [
        tokenizer.apply_chat_template(list(chat), add_generation_prompt=True, return_dict=True)["input_ids"]
        for chat in conversations
    ]
    return generate_texts(model, tokenizer, prompts, max_new_tokens=max_new_tokens, batch_size=batch_size)


def generate_texts(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    *,
    max_new_tokens: int,
    batch_size: int = 16,
    sampling: Sampling | None = None,
    rows: Sequence[int] | None = None,
) -> list[str]:
    """Return how ``model`` goes on after each prompt of token ids: greedily, or drawn as ``sampling`` says.

    Prompts are padded on the left, with positions counted from the first real token, so that the replies don't depend
    on which rows share a batch. ``rows`` are the numbers that draws follow from; without them it is the position.
    """
    torch = load_extra("torch", extra="train")
    replies = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for start in range(0, len(order), batch_size):
                indices = order[start : start + batch_size]
                batch = [prompts[index] for index in indices]
                draws = build_processors(sampling, [rows[index] for index in indices] if rows else indices)
                made = _generate(torch, model, tokenizer, batch, max_new_tokens, draws)
                for index, reply in zip(indices, made, strict=True):
                    replies[index] = reply
    finally:
        model.train(was_training)
    return replies


def _generate(
    torch: Any, model: Any, tokenizer: Any, batch: list[list[int]], max_new_tokens: int, processors: Any
) -> list[str]:
    width = max(len(ids) for ids in batch)
    pad = tokenizer.pad_token_id
    input_ids = torch.tensor([[pad] * (width - len(ids)) + ids for ids in batch], device=model.device)
    mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in batch], device=model.device)
    output = model.generate(
        input_ids=input_ids,
        attention_mask=mask,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        logits_processor=processors,
        pad_token_id=pad,
    )
    return [str(text) for text in tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)]
