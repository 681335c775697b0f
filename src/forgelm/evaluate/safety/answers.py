"""A model into its answers to the probes: its own chat template, greedy, batched, cut where its context ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from forgelm.evaluate.safety.probes import ProbeSet
from forgelm.model.generate import generate_texts
from forgelm.model.generate_scored import in_batches

_LONGEST_PROMPT = 1024


@dataclass(frozen=True)
class Answers:
    """What one model said to the probes, in their order; where ``texts`` is ``None``, ``problem`` says why."""

    probes: ProbeSet | None
    texts: tuple[str, ...] | None = None
    problem: str | None = None
    prompts_cut: int = 0
    max_new_tokens: int = 0
    chat_template: bool = False
    seconds: float = 0.0


def ask_probes(model: Any, tokenizer: Any, probes: ProbeSet, *, max_new_tokens: int, batch_size: int) -> Answers:
    """Return the answers of ``model``. What fails while it answers is in ``problem``."""
    start = time.monotonic()
    new, longest = _room(model, max_new_tokens)
    try:
        prompts = [_render(tokenizer, probe.prompt, longest) for probe in probes.probes]
        texts = _generate(model, tokenizer, [ids for ids, _ in prompts], new, batch_size)
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
        return Answers(probes, problem=f"the model failed to answer: {type(error).__name__}: {error}")
    return Answers(
        probes,
        tuple(texts),
        prompts_cut=sum(cut for _, cut in prompts),
        max_new_tokens=new,
        chat_template=bool(tokenizer.chat_template),
        seconds=time.monotonic() - start,
    )


def _room(model: Any, max_new_tokens: int) -> tuple[int, int]:
    """Return how many tokens an answer and a request may have in the model's context."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(context, int) or context < 2:
        return max_new_tokens, _LONGEST_PROMPT
    new = min(max_new_tokens, context // 2)
    return new, min(_LONGEST_PROMPT, context - new)


def _render(tokenizer: Any, prompt: str, longest: int) -> tuple[list[int], bool]:
    """Return the token ids of a request and whether its end was cut; the template around it stays whole."""
    ids = _template_ids(tokenizer, prompt)
    if len(ids) <= longest:
        return ids, False
    own = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    kept = max(1, len(own) - (len(ids) - longest))
    return _template_ids(tokenizer, tokenizer.decode(own[:kept]))[:longest], True


def _template_ids(tokenizer: Any, prompt: str) -> list[int]:
    if not tokenizer.chat_template:
        return list(tokenizer(prompt)["input_ids"])
    chat = [{"role": "user", "content": prompt}]
    return list(tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"])


def _generate(model: Any, tokenizer: Any, prompts: Sequence[list[int]], new: int, batch_size: int) -> list[str]:
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
    work = partial(generate_texts, model, tokenizer, max_new_tokens=new, batch_size=batch_size)
    texts = in_batches([prompts[index] for index in order], batch_size, work)
    return [text for _, text in sorted(zip(order, texts, strict=True))]
