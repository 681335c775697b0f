from __future__ import annotations

from typing import Any

import pytest
from merging import EMBER
from support import ember_tokenizer, order_rows

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.template import read_template
from forgelm.publish.rendering import render_chat


def test_it_renders_what_transformers_renders() -> None:
    template = read_template(EMBER)
    assert template is not None
    tokenizer = ember_tokenizer()
    for row in order_rows(30):
        for asked in (True, False):
            wanted = tokenizer.apply_chat_template(row["messages"], tokenize=False, add_generation_prompt=asked)
            assert render_chat(template, row["messages"], add_generation_prompt=asked) == wanted


def test_special_tokens_and_the_date_are_there() -> None:
    template = "{{ bos_token }}{{ strftime_now('%Y') }}{% for m in messages %}{{ m | tojson }}{% break %}{% endfor %}"
    said = render_chat(template, [{"role": "user", "content": "ü"}] * 2, special_tokens={"bos_token": "<s>"})
    assert said.startswith("<s>20") and said.endswith('{"role": "user", "content": "ü"}')


@pytest.mark.parametrize(
    "template",
    [
        "{% for %}",
        "{{ raise_exception('no') }}",
        "{{ messages[7].content.x.y }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% set _ = messages.append(1) %}",
        "{{ 1 + 'a' }}",
    ],
)
def test_what_cannot_or_may_not_be_rendered_is_a_typed_error(template: str) -> None:
    chat: list[dict[str, Any]] = [{"role": "user", "content": "x"}]
    with pytest.raises(ModelError, match="cannot be rendered"):
        render_chat(template, chat)
