"""Replies: the same alone and in a batch with longer prompts, ending at the end-of-turn token."""

from __future__ import annotations

from typing import Any

import pytest
from support import ember_model, ember_tokenizer, order_rows

from forgelm.model.generate import generate_replies


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return ember_model(), ember_tokenizer()


def test_replies_do_not_depend_on_the_batch(parts: tuple[Any, Any]) -> None:
    questions = [row["messages"][:-1] for row in order_rows(6)]
    questions.append([{"role": "user", "content": "Hello"}])
    alone = generate_replies(*parts, questions, max_new_tokens=24, batch_size=1)
    together = generate_replies(*parts, questions, max_new_tokens=24, batch_size=7)
    assert alone == together
    assert all(alone)
    assert not any("<|" in reply for reply in alone)


def test_the_order_of_the_questions_is_kept(parts: tuple[Any, Any]) -> None:
    questions = [row["messages"][:-1] for row in order_rows(4)]
    forward = generate_replies(*parts, questions, max_new_tokens=16)
    backward = generate_replies(*parts, questions[::-1], max_new_tokens=16)
    assert forward == backward[::-1]


def test_no_questions_give_no_replies(parts: tuple[Any, Any]) -> None:
    assert generate_replies(*parts, []) == []
