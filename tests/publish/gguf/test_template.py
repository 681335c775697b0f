from __future__ import annotations

import json
from pathlib import Path

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment
from merging import EMBER
from support import ember_tokenizer, order_rows

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.template import for_serving, read_json, read_template


def test_the_served_template_renders_the_same_text() -> None:
    template = read_template(EMBER)
    assert template is not None and "generation" in template
    served = for_serving(template)
    assert "generation" not in served.replace("add_generation_prompt", "")
    tokenizer = ember_tokenizer()
    jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(served)
    for row in order_rows(20):
        for prompt in (True, False):
            chat = row["messages"][: -1 if prompt else None]
            wanted = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=prompt)
            assert jinja.render(messages=chat, add_generation_prompt=prompt) == wanted


@pytest.mark.parametrize(
    ("mark", "served"),
    [
        ("{% generation %}x{% endgeneration %}", "{% if true %}x{% endif %}"),
        ("{%- generation -%}x{%- endgeneration %}", "{%- if true -%}x{%- endif %}"),
        ("{%-generation-%}", "{%- if true -%}"),
        ("{% if add_generation_prompt %}", "{% if add_generation_prompt %}"),
    ],
)
def test_marks_become_conditions_that_hold(mark: str, served: str) -> None:
    assert for_serving(mark) == served


def test_a_template_is_found_in_either_place(tmp_path: Path) -> None:
    assert read_template(tmp_path) is None
    for content in ("one", [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "one"}]):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": content}))
        assert read_template(tmp_path) == "one"
    (tmp_path / "chat_template.jinja").write_text("two")
    assert read_template(tmp_path) == "two"


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_broken_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ModelError, match=r"a\.json"):
        read_json(tmp_path / "a.json")
    assert read_json(tmp_path / "none.json") == {}
