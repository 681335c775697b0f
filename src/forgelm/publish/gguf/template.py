"""The chat template a model was trained with to one that servers read: the same text without training's own marks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError

_MARK = re.compile(r"\{%(?P<left>[-+]?)\s*(?P<end>end)?generation\s*(?P<right>[-+]?)%\}")


def read_template(folder: Path) -> str | None:
    """Return the chat template beside a tokenizer, ``None`` when it has none.

    Raises:
        ModelError: the tokenizer's configuration cannot be read.
    """
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    found: Any = read_json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):
        named = {item.get("name"): item.get("template") for item in found if isinstance(item, dict)}
        found = named.get("default")
    return found if isinstance(found, str) and found else None


def for_serving(template: str) -> str:
    """Return ``template`` without ``{% generation %}``, which only training libraries know.

    The tag becomes a condition that always holds, so that it trims the space around it as it did before.
    """
    return _MARK.sub(
        lambda mark: f"{{%{mark['left']} {'endif' if mark['end'] else 'if true'} {mark['right']}%}}", template
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON mapping in ``path``, an empty one when there is no such file.

    Raises:
        ModelError: it is no JSON mapping.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not JSON") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a mapping")
    return content
