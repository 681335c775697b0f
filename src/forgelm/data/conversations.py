"""Messages as people store them (OpenAI, ShareGPT, legacy function calls) to the messages chat templates read."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

from forgelm.data.problems import RowError, describe, quote

_FUNCTION_CALL = "a tool call"
_ROLES = MappingProxyType(
    {
        "system": "system",
        "developer": "system",
        "user": "user",
        "human": "user",
        "prompter": "user",
        "assistant": "assistant",
        "gpt": "assistant",
        "model": "assistant",
        "bot": "assistant",
        "chatgpt": "assistant",
        "tool": "tool",
        "function": "tool",
        "observation": "tool",
        "ipython": "tool",
        "function_response": "tool",
        "tool_response": "tool",
        "function_call": _FUNCTION_CALL,
        "tool_call": _FUNCTION_CALL,
    }
)
_READ_KEYS = frozenset({"role", "from", "content", "value", "tool_calls", "function_call"})
_KEPT_KEYS = ("name", "tool_call_id", "reasoning_content", "thinking")
_MASK_KEYS = ("weight", "train", "loss")


def read_messages(value: Any, column: str, remarks: set[str]) -> list[dict[str, Any]]:
    """Return the messages in ``value``, each with ``role`` and ``content``, and ``tool_calls`` where it has them.

    Roles become system, user, assistant or tool; text parts become one text; the arguments of a call become an
    object. What was changed or left out is added to ``remarks``.

    Raises:
        RowError: not a list of messages, an unknown role, content that is not text.
    """
    messages = parse_list(value, column)
    if not messages:
        raise RowError(f"'{column}' holds no messages")
    return [_read_message(message, number, remarks) for number, message in enumerate(messages, start=1)]


def read_tools(value: Any, remarks: set[str]) -> list[dict[str, Any]]:
    """Return the tool definitions in column ``tools`` (a list or JSON text of one), each in OpenAI's layout."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    tools = [parse_json(item, "tools") if isinstance(item, str) else item for item in parse_list(value, "tools")]
    if not all(isinstance(tool, dict) for tool in tools):
        raise RowError("'tools' must hold objects, one for each function")
    if any("function" not in tool for tool in tools):
        remarks.add("tool definitions wrapped as functions")
    return [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]


def parse_list(value: Any, column: str) -> list[Any]:
    """Return ``value`` as a list; JSON text of one is accepted, as CSV and Parquet often hold it.

    Raises:
        RowError: it is something else.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parse_json(value, column)
    if not isinstance(value, list):
        raise RowError(f"'{column}' must be a list, found {describe(value)}")
    return value


def parse_json(text: str, column: str) -> Any:
    """Return what the JSON ``text`` says, or raise ``RowError``."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RowError(f"'{column}' is text that is not JSON: {quote(text)}") from None


def _read_message(message: Any, number: int, remarks: set[str]) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise RowError(f"message {number} must be an object, found {describe(message)}")
    _refuse_masked(message, number)
    role = _read_role(message, number, remarks)
    content = message.get("content", message.get("value"))
    if role == _FUNCTION_CALL:
        return {"role": "assistant", "content": "", "tool_calls": _read_calls(content, number)}
    calls = message.get("tool_calls") or message.get("function_call")
    read: dict[str, Any] = {"role": role, "content": _read_content(content, number, may_be_null=bool(calls))}
    if calls:
        read["tool_calls"] = _read_calls(calls, number)
    for key in _KEPT_KEYS:
        if message.get(key) is not None:
            read[key] = message[key]
    unused = sorted(key for key in message if key not in _READ_KEYS and key not in _KEPT_KEYS and key not in _MASK_KEYS)
    remarks.update(f"message key {quote(key)} not used" for key in unused)
    return read


def _refuse_masked(message: dict[str, Any], number: int) -> None:
    for key in _MASK_KEYS:
        if key in message and message[key] is not None and not message[key]:
            raise RowError(f"message {number} asks not to be learnt ({key}: {message[key]!r}), which is not supported")


def _read_role(message: dict[str, Any], number: int, remarks: set[str]) -> str:
    name = message.get("role", message.get("from"))
    if not isinstance(name, str):
        raise RowError(f"message {number} has no role ('role' or 'from'), found {describe(name)}")
    known = name.strip().lower()
    role = _ROLES.get(known)
    if role is None:
        raise RowError(f"message {number} has the unknown role {quote(name)}")
    if role != known:
        remarks.add(f"role {known} read as {role}")
    return role


def _read_content(content: Any, number: int, *, may_be_null: bool) -> str:
    if isinstance(content, str):
        return content
    if content is None and may_be_null:
        return ""
    if isinstance(content, list):
        return "".join(_read_part(part, number) for part in content)
    raise RowError(f"message {number}: the content must be text, found {describe(content)}")


def _read_part(part: Any, number: int) -> str:
    kind = part.get("type", "text") if isinstance(part, dict) else describe(part)
    if isinstance(part, str):
        return part
    if kind != "text" or not isinstance(part.get("text"), str):
        raise RowError(f"message {number}: a part of its content is {quote(str(kind))}; only text can be trained on")
    return str(part["text"])


def _read_calls(calls: Any, number: int) -> list[dict[str, Any]]:
    if isinstance(calls, str):
        calls = parse_json(calls, f"message {number}")
    if isinstance(calls, dict):
        calls = [calls]
    if not isinstance(calls, list) or not calls:
        raise RowError(f"message {number}: tool calls must be a list, found {describe(calls)}")
    return [_read_call(call, number) for call in calls]


def _read_call(call: Any, number: int) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RowError(f"message {number}: a tool call names no function")
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        arguments = parse_json(arguments or "{}", f"message {number}")
    if arguments is not None and not isinstance(arguments, dict):
        raise RowError(f"message {number}: the arguments of a tool call must be an object, found {describe(arguments)}")
    read = {"type": "function", "function": {"name": function["name"], "arguments": arguments or {}}}
    return read | ({"id": call["id"]} if isinstance(call.get("id"), str) else {})
