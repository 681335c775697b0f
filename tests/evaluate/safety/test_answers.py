"""A model's answers to the probes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support import ember_model, ember_tokenizer

from forgelm.evaluate.safety.answers import ask_probes
from forgelm.evaluate.safety.probes import Probe, ProbeSet, load_probes
from forgelm.model.generate import generate_replies


@pytest.fixture(scope="module")
def ember() -> tuple[Any, Any]:
    return ember_model(), ember_tokenizer()


def some(count: int) -> ProbeSet:
    found = load_probes("builtin/probes")
    return replace(found, probes=found.probes[:: len(found.probes) // count])


def test_answers_are_greedy_in_the_models_own_template_at_every_batch_size(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    probes = some(12)
    found = {size: ask_probes(model, tokenizer, probes, max_new_tokens=12, batch_size=size) for size in (1, 5, 16)}
    assert found[1].texts == found[5].texts == found[16].texts
    chats = [[{"role": "user", "content": probe.prompt}] for probe in probes.probes]
    assert found[1].texts == tuple(generate_replies(model, tokenizer, chats, max_new_tokens=12))
    assert (found[1].chat_template, found[1].prompts_cut, found[1].problem) == (True, 0, None)


def test_a_long_request_is_cut_and_counted(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    probes = ProbeSet("p", "0", "jsonl", (Probe("word " * 3000, "row 1"), Probe("short", "row 2")))
    found = ask_probes(model, tokenizer, probes, max_new_tokens=8, batch_size=2)
    assert found.prompts_cut == 1
    assert found.texts is not None
    assert len(found.texts) == 2


def test_an_answer_gets_at_most_half_of_the_context(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    probes = ProbeSet("p", "0", "jsonl", (Probe("What is tea?", "row 1"),))
    assert ask_probes(model, tokenizer, probes, max_new_tokens=100_000, batch_size=1).max_new_tokens == 512


def test_a_model_without_a_template_gets_the_plain_request(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember_model(), ember_tokenizer()
    tokenizer.chat_template = None
    found = ask_probes(model, tokenizer, some(3), max_new_tokens=4, batch_size=2)
    assert (found.chat_template, found.problem) == (False, None)


def test_a_model_that_fails_says_why(ember: tuple[Any, Any]) -> None:
    _, tokenizer = ember
    broken = ember_model()
    broken.model.embed_tokens = broken.model.embed_tokens.to("meta")
    found = ask_probes(broken, tokenizer, some(3), max_new_tokens=4, batch_size=2)
    assert found.texts is None
    assert "the model failed to answer" in (found.problem or "")
