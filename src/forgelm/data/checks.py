"""Whether a normalised row can teach anything: roles in a usable order, replies that say something."""

from __future__ import annotations

import itertools
from typing import Any

from forgelm.data.problems import RowError


def check_row(value: dict[str, Any], remarks: set[str]) -> None:
    """Look at one normalised row; what is odd but usable is added to ``remarks``.

    Raises:
        RowError: nothing to learn from it, or an order of roles that no chat template renders.
    """
    if "messages" in value:
        _check_messages(value["messages"], remarks)
    elif "text" in value:
        if not value["text"].strip():
            raise RowError("'text' is empty")
    elif "columns" in value:
        _check_prompt(value["prompt"], remarks)
    elif "chosen" in value:
        _check_comparison(value, remarks)
    elif isinstance(value["completion"], str):
        _check_texts(value["prompt"], value["completion"], remarks)
    else:
        _check_turns(value["prompt"], value["completion"], remarks)


def _check_messages(messages: list[dict[str, Any]], remarks: set[str]) -> None:
    _check_order(messages, remarks)
    if messages[-1]["role"] != "assistant":
        raise RowError(f"ends with a {messages[-1]['role']} message; the last one must be the assistant's reply")
    _check_replies(messages)


def _check_texts(prompt: str, completion: str, remarks: set[str]) -> None:
    if not completion.strip():
        raise RowError("the completion is empty")
    if not prompt.strip():
        remarks.add("empty prompt")


def _check_turns(prompt: list[dict[str, Any]], completion: list[dict[str, Any]], remarks: set[str]) -> None:
    _check_order([*prompt, *completion], remarks)
    if any(message["role"] not in ("assistant", "tool") for message in completion):
        raise RowError("the completion holds a message that is not the assistant's or a tool's")
    if completion[-1]["role"] != "assistant":
        raise RowError("the completion must end with the assistant's reply")
    if not prompt:
        raise RowError("the prompt holds no message")
    if prompt[-1]["role"] == "system":
        raise RowError("the prompt holds no user message")
    _check_replies(completion)


def _check_prompt(prompt: Any, remarks: set[str]) -> None:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise RowError("the prompt is empty")
        return
    _check_order(prompt, remarks)
    if prompt[-1]["role"] not in ("user", "tool"):
        raise RowError(f"the prompt ends with a {prompt[-1]['role']} message; the last one must be the user's")


def _check_comparison(value: dict[str, Any], remarks: set[str]) -> None:
    for part in ("chosen", "rejected"):
        try:
            if isinstance(value[part], str):
                _check_texts(value["prompt"], value[part], remarks)
            else:
                _check_turns(value["prompt"], value[part], remarks)
        except RowError as error:
            raise RowError(f"{part}: {error}") from None


def _check_order(messages: list[dict[str, Any]], remarks: set[str]) -> None:
    roles = [message["role"] for message in messages]
    if "system" in roles[1:]:
        raise RowError(f"message {roles.index('system', 1) + 1} is a system message; only the first one may be")
    turns = roles[1:] if roles[0] == "system" else roles
    if turns and turns[0] == "assistant":
        remarks.add("starts with an assistant message")
    for role in ("user", "assistant"):
        if any(pair == (role, role) for pair in itertools.pairwise(turns)):
            remarks.add(f"two {role} messages in a row")
    if any(message["role"] == "user" and not message["content"].strip() for message in messages):
        remarks.add("empty user message")


def _check_replies(messages: list[dict[str, Any]]) -> None:
    for number, message in enumerate(messages, start=1):
        says_nothing = not message["content"].strip() and not message.get("tool_calls")
        if message["role"] == "assistant" and says_nothing and not _reasons(message):
            raise RowError(f"the assistant's reply (message {number}) is empty")


def _reasons(message: dict[str, Any]) -> bool:
    thoughts = message.get("reasoning_content") or message.get("thinking")
    return isinstance(thoughts, str) and bool(thoughts.strip())
