"""Whether a file serves what was trained: the same token ids for the same conversations, the same greedy replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.served import Served, continue_greedily
from forgelm.train.tokenise import Example
from forgelm.train.tokenised import TokenisedData

REPLY_TOKENS = 16
TOKENS, REPLIES = "serving_tokens", "serving_replies"
Render = Callable[[Sequence[Mapping[str, Any]], Any, bool], str]


@dataclass(frozen=True)
class Probe:
    """One row to compare, ``messages`` or ``text``. ``trained`` are the ids the trainer saw, cut where it cut."""

    trained: tuple[int, ...]
    messages: tuple[Mapping[str, Any], ...] | None
    tools: Any
    text: str


def choose_probes(data: TokenisedData, count: int) -> list[Probe]:
    """Return up to ``count`` rows, from those held out where there are any."""
    split = data.validation or data.train
    return [_probe(example) for example in split.examples[:count]]


def measure_tokens(probes: Sequence[Probe], tokenizer: Any, served: Served, render: Render | None) -> Measurement:
    """Return the share of rows for which trainer, saved tokenizer and file give the same ids.

    ``render`` makes text of messages with the file's own template: (messages, tools, whether a reply follows).
    """
    details: dict[str, Any] = {"engine": served.engine}
    if not probes:
        return Measurement(TOKENS, None, 0, "share of rows", problem="there is no row to compare", details=details)
    differences = [_compare(probe, tokenizer, served, render) for probe in probes]
    found = [difference for difference in differences if difference is not None]
    if found:
        details["differences"] = found[:5]
    return Measurement(TOKENS, 1 - len(found) / len(probes), len(probes), "share of rows", details=details)


def measure_replies(
    probes: Sequence[Probe], model: Any, tokenizer: Any, served: Served, end_ids: frozenset[int]
) -> Measurement:
    """Return the share of rows for which model and file begin the greedy reply with the same tokens."""
    details: dict[str, Any] = {"engine": served.engine, "tokens": REPLY_TOKENS}
    prompts = [prompt for probe in probes if (prompt := _prompt(probe, tokenizer))]
    if not prompts:
        return Measurement(REPLIES, None, 0, "share of rows", problem="there is no prompt to reply to", details=details)
    agreed = [
        continue_greedily(model, prompt, REPLY_TOKENS, end_ids) == served.reply(prompt, REPLY_TOKENS)
        for prompt in prompts
    ]
    return Measurement(
        REPLIES,
        sum(agreed) / len(agreed),
        len(agreed),
        "share of rows",
        details=details,
        scores=tuple(float(one) for one in agreed),
    )


def _probe(example: Example) -> Probe:
    value = example.row.value
    messages = value.get("messages")
    if messages is None and isinstance(value.get("prompt"), list):
        reply = value.get("completion") or value.get("chosen") or []
        messages = [*value["prompt"], *(reply if isinstance(reply, list) else [])]
    text = value.get("text") or value.get("prompt")
    return Probe(
        tuple(example.input_ids),
        tuple(messages) if messages is not None else None,
        value.get("tools"),
        text if isinstance(text, str) else "",
    )


def _compare(probe: Probe, tokenizer: Any, served: Served, render: Render | None) -> str | None:
    """Return how the ids differ, as a sentence, ``None`` when they do not."""
    if probe.messages is None:
        wanted = list(tokenizer(probe.text, add_special_tokens=False)["input_ids"])
        return _differ("saved tokenizer", wanted, "file", served.tokenise(probe.text))
    if render is None:
        return "the file has no chat template"
    asked = probe.messages[-1].get("role") != "assistant"
    options = {"tools": probe.tools} if probe.tools else {}
    saved = tokenizer.apply_chat_template(
        list(probe.messages), add_generation_prompt=asked, return_dict=True, **options
    )["input_ids"]
    found = served.tokenise(render(probe.messages, probe.tools, asked))
    trained = list(probe.trained)
    return (
        _differ("trainer", trained, "saved tokenizer", list(saved)[: len(trained)])
        or _differ("trainer", trained, "file", found[: len(trained)])
        or _differ("saved tokenizer", list(saved), "file", found)
    )


def _differ(one: str, ids: list[int], other: str, others: list[int]) -> str | None:
    if ids == others:
        return None
    at = next((at for at, pair in enumerate(zip(ids, others, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(ids), len(others)) if at is None else at
    return f"token {place}: {one} has {ids[place : place + 4]}, {other} {others[place : place + 4]}"


def _prompt(probe: Probe, tokenizer: Any) -> list[int]:
    if probe.messages is None:
        return list(tokenizer(probe.text, add_special_tokens=False)["input_ids"])
    messages = list(probe.messages)
    while messages and messages[-1].get("role") == "assistant":
        messages.pop()
    if not messages:
        return []
    options = {"tools": probe.tools} if probe.tools else {}
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, **options)
    return list(encoded["input_ids"])
