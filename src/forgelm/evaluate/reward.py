"""Measures the mean reward of a model's greedy replies to held-out prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.evaluate.measurement import Measurement
from forgelm.model.generate import generate_texts
from forgelm.train.columns import prompt_rows
from forgelm.train.rewards import Reward, score_all
from forgelm.train.tokenise import Example


def measure_reward(
    model: Any, tokenizer: Any, examples: Sequence[Example], rewards: Sequence[Reward], *, max_new_tokens: int
) -> Measurement:
    """Return the mean over ``examples`` of the weighted sum of ``rewards``; higher is better.

    Raises:
        TrainingError: a reward failed.
    """
    rows = prompt_rows(examples)
    texts = generate_texts(model, tokenizer, [example.input_ids for example in examples], max_new_tokens=max_new_tokens)
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
    prompts = [row["prompt"] for row in rows]
    completions = [
        text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]
        for text, prompt in zip(texts, prompts, strict=True)
    ]
    scores = score_all(rewards, prompts=prompts, completions=completions, **columns)
    mean = sum(scores) / len(scores)
    details = {"rows": len(scores)}
    return Measurement("eval_reward", mean, len(scores), "reward", details=details, scores=tuple(scores))
