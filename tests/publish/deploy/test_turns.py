from __future__ import annotations

import pytest
from merging import EMBER

from forgelm.publish.deploy.turns import find_turns, join_turns
from forgelm.publish.gguf.template import read_template
from forgelm.publish.rendering import render_chat

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
DEFAULT_SYSTEM = "{% if messages[0].role != 'system' %}{{ 'S:You help.\n' }}{% endif %}" + CHATML
TRIMS = CHATML.replace("m.content +", "m.content | upper +")
REFUSES = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML


@pytest.mark.parametrize("template", [read_template(EMBER), CHATML])
def test_what_puts_text_around_turns_is_read(template: str) -> None:
    turns = find_turns(template, {})
    assert turns is not None
    chat = [{"role": role, "content": f"about {role}"} for role in ("system", "user", "assistant", "user")]
    assert join_turns(turns, chat) == render_chat(template, chat, add_generation_prompt=True)


@pytest.mark.parametrize("template", [DEFAULT_SYSTEM, TRIMS, REFUSES, "{{ x", "", "{{ messages }}"])
def test_what_does_more_is_left_alone(template: str) -> None:
    assert find_turns(template, {}) is None
