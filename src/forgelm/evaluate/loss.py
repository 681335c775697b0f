"""Measures the mean negative log-likelihood per target token, the same at every batch size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from forgelm.evaluate.measurement import Measurement
from forgelm.train.logps import measure_likelihoods
from forgelm.train.tokenise import Example


def measure_loss(
    model: Any, examples: Sequence[Example], *, pad_token_id: int, baseline: float | None = None
) -> Measurement:
    """Return the loss in nats per target token over ``examples``.

    Tokens are weighted equally (the sum over all tokens divided by their number), so neither the batch size nor the
    padding changes the value. ``perplexity`` in the details is ``exp(loss)``.
    """
    if not examples:
        return Measurement("eval_loss", None, 0, "nats per token", baseline, "there are no validation rows")
    found = measure_likelihoods(model, examples, pad_token_id=pad_token_id)
    total, tokens = -sum(reply.logp for reply in found), sum(reply.tokens for reply in found)
    loss = total / tokens
    details = {
        "rows": len(examples),
        "target_tokens": tokens,
        "perplexity": math.exp(loss) if loss < 700 else math.inf,
    }
    scores, weights = tuple(-reply.mean for reply in found), tuple(float(reply.tokens) for reply in found)
    return Measurement(
        "eval_loss", loss, tokens, "nats per token", baseline, details=details, scores=scores, weights=weights
    )
