"""Measures the mean negative log-likelihood per target token, the same at every batch size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.evaluate.measurement import Measurement
from forgelm.train.tokenise import IGNORED, Example

_MAX_LOGITS = 2**27


def measure_loss(
    model: Any, examples: Sequence[Example], *, pad_token_id: int, baseline: float | None = None
) -> Measurement:
    """Return the loss in nats per target token over ``examples``.

    Tokens are weighted equally (the sum over all tokens divided by their number), so neither the batch size nor the
    padding changes the value. ``perplexity`` in the details is ``exp(loss)``.
    """
    if not examples:
        return Measurement("eval_loss", None, 0, "nats per token", baseline, "there are no validation rows")
    torch = load_extra("torch", extra="train")
    was_training = model.training
    model.eval()
    total, tokens = 0.0, 0
    try:
        with torch.no_grad():
            for batch in _batches(examples, vocabulary=model.get_output_embeddings().weight.shape[0]):
                summed, counted = _sum_loss(torch, model, batch, pad_token_id)
                total, tokens = total + summed, tokens + counted
    finally:
        model.train(was_training)
    loss = total / tokens
    details = {
        "rows": len(examples),
        "target_tokens": tokens,
        "perplexity": math.exp(loss) if loss < 700 else math.inf,
    }
    return Measurement("eval_loss", loss, tokens, "nats per token", baseline, details=details)


def _batches(examples: Sequence[Example], *, vocabulary: int) -> Iterator[list[Example]]:
    """Rows of similar length together, each batch small enough that its logits stay below half a gigabyte."""
    batch: list[Example] = []
    for example in sorted(examples, key=lambda item: len(item.input_ids), reverse=True):
        longest = len(batch[0].input_ids) if batch else len(example.input_ids)
        if batch and (len(batch) + 1) * longest * vocabulary > _MAX_LOGITS:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


def _sum_loss(torch: Any, model: Any, batch: list[Example], pad_token_id: int) -> tuple[float, int]:
    width = len(batch[0].input_ids)
    device = model.device

    def padded(rows: list[list[int]], value: int) -> Any:
        return torch.tensor([row + [value] * (width - len(row)) for row in rows], device=device)

    logits = model(
        input_ids=padded([example.input_ids for example in batch], pad_token_id),
        attention_mask=padded([[1] * len(example.input_ids) for example in batch], 0),
        use_cache=False,
    ).logits[:, :-1]
    targets = padded([example.labels for example in batch], IGNORED)[:, 1:]
    wanted = targets != IGNORED
    loss = torch.nn.functional.cross_entropy(logits[wanted].float(), targets[wanted], reduction="sum")
    return float(loss), int(wanted.sum())
