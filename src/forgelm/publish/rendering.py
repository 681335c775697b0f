"""Renders a chat template the way servers do: in a sandbox, with the few functions templates rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.publish.gguf.template import for_serving


def render_chat(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    add_generation_prompt: bool = False,
    special_tokens: Mapping[str, str] | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Return ``messages`` as the text the model reads. ``special_tokens`` are the template's ``bos_token`` and such.

    Raises:
        ModelError: the template cannot be rendered, or refuses these messages.
    """
    jinja = load_extra("jinja2", extra="train")
    sandbox = load_extra("jinja2.sandbox", extra="train")
    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json

    def refuse(message: str) -> NoReturn:
        raise jinja.TemplateError(message)

    def now(pattern: str) -> str:
        return datetime.now(UTC).strftime(pattern)

    environment.globals |= {"raise_exception": refuse, "strftime_now": now}
    try:
        return str(
            environment.from_string(for_serving(template)).render(
                messages=[dict(message) for message in messages],
                add_generation_prompt=add_generation_prompt,
                tools=tools,
                **(special_tokens or {}),
            )
        )
    except (jinja.TemplateError, TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"the chat template cannot be rendered: {error}") from error


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
