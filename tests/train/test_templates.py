"""Templates: which one a model trains with, and that rendering equals ``apply_chat_template``."""

from __future__ import annotations

from typing import Any

import pytest
from support import ember_tokenizer, order_rows

from forgelm.base.errors import ModelError
from forgelm.train.templates import find_template, render

QWEN = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)


@pytest.fixture
def tokenizer() -> Any:
    return ember_tokenizer()


def test_a_template_with_markers_is_used_as_it_is(tokenizer: Any) -> None:
    template = find_template(tokenizer, reply_mask=True)
    assert template.text == tokenizer.chat_template
    assert (template.source, template.marks_replies) == ("model", True)
    assert len(template.sha256) == 64


def test_no_template_is_refused_with_what_to_do(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template") as raised:
        find_template(tokenizer, reply_mask=True)
    assert "chat_template.jinja" in str(raised.value)


def test_a_template_that_cannot_mark_replies_is_refused_unless_everything_is_trained(tokenizer: Any) -> None:
    tokenizer.chat_template = QWEN
    with pytest.raises(ModelError, match="cannot mark what the assistant says"):
        find_template(tokenizer, reply_mask=True)
    assert not find_template(tokenizer, reply_mask=False).marks_replies


def test_rendering_equals_the_tokenizer_with_and_without_the_prompt(tokenizer: Any) -> None:
    template = find_template(tokenizer, reply_mask=True)
    chats = [row["messages"] for row in order_rows(5)]
    whole = render(tokenizer, template, [{"messages": chat} for chat in chats])
    asked = render(tokenizer, template, [{"messages": chat[:-1]} for chat in chats], prompt=True)
    for chat, full, prompt in zip(chats, whole, asked, strict=True):
        assert full.text == tokenizer.apply_chat_template(chat, tokenize=False)
        assert prompt.text == tokenizer.apply_chat_template(chat[:-1], tokenize=False, add_generation_prompt=True)
        assert full.text.startswith(prompt.text)
        ((begin, end),) = full.spans
        assert full.text[begin:end] == chat[-1]["content"] + tokenizer.eos_token
