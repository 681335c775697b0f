"""Measures how well a model predicts texts: the perplexity of their tokens, the same at every batch size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from forgelm.base.errors import ArgumentError
from forgelm.data.rows import Row
from forgelm.evaluate.measurement import Measurement
from forgelm.train.logps import measure_likelihoods
from forgelm.train.tokenise import IGNORED, Example


def measure_perplexity(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    prompts: Sequence[str] | None = None,
    max_length: int | None = None,
    batch_size: int = 8,
) -> Measurement:
    """Return ``exp`` of the mean negative log-likelihood of a token, every token of all ``texts`` counted the same.

    ``prompts`` stand before the texts and are not counted. The first token counts only where something stands before
    it, a prompt or the tokenizer's own beginning-of-text token. Padding is never counted. Texts are cut to
    ``max_length`` tokens, prompt included; ``details`` tells how many were.
    """
    if prompts is not None and len(prompts) != len(texts):
        raise ArgumentError(f"{len(prompts)} prompts do not belong to {len(texts)} texts")
    whole = [
        _example(tokenizer, text, prompt) for text, prompt in zip(texts, prompts or [""] * len(texts), strict=True)
    ]
    examples = [example if max_length is None else _cut(example, max_length) for example in whole]
    counted = [example for example in examples if any(label != IGNORED for label in example.labels[1:])]
    found = [
        likelihood
        for start in range(0, len(counted), batch_size)
        for likelihood in measure_likelihoods(
            model, counted[start : start + batch_size], pad_token_id=tokenizer.pad_token_id
        )
    ]
    tokens = sum(one.tokens for one in found)
    details = {
        "texts": len(counted),
        "texts_without_a_counted_token": len(examples) - len(counted),
        "texts_cut": sum(len(one.input_ids) > len(two.input_ids) for one, two in zip(whole, examples, strict=True)),
        "tokens": tokens,
    }
    if not tokens:
        return Measurement(
            "perplexity", None, 0, "perplexity", problem="no text has a token to predict", details=details
        )
    loss = -math.fsum(one.logp for one in found) / tokens
    value = math.exp(loss) if loss < 700 else math.inf
    return Measurement("perplexity", value, tokens, "perplexity", details=details | {"nats_per_token": loss})


def _example(tokenizer: Any, text: str, prompt: str) -> Example:
    """Tokenise prompt and text apart, so that what is asked never changes which tokens are counted."""
    asked: list[int] = tokenizer(prompt)["input_ids"] if prompt else []
    if asked and asked[-1] == tokenizer.eos_token_id:
        asked = asked[:-1]
    said: list[int] = tokenizer(text, add_special_tokens=not asked)["input_ids"]
    return Example(asked + said, [IGNORED] * len(asked) + said, Row({}, "text", 0))


def _cut(example: Example, length: int) -> Example:
    return Example(example.input_ids[:length], example.labels[:length], example.row)
