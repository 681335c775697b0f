from __future__ import annotations

import json
from typing import Any

import pytest

from forgelm.data.conversations import read_messages, read_tools
from forgelm.data.problems import RowError

ASK = {"role": "user", "content": "weather in Oslo?"}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}, "id": "1"}


def read(value: Any) -> tuple[list[dict[str, Any]], set[str]]:
    remarks: set[str] = set()
    return read_messages(value, "messages", remarks), remarks


def test_openai_messages_stay_as_they_are() -> None:
    messages = [{"role": "system", "content": "s"}, ASK, {"role": "assistant", "content": "cold", "name": "n"}]
    assert read(messages) == (messages, set())


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("human", "user"),
        ("prompter", "user"),
        ("gpt", "assistant"),
        ("model", "assistant"),
        ("bot", "assistant"),
        ("chatgpt", "assistant"),
        ("developer", "system"),
        ("observation", "tool"),
        ("function", "tool"),
    ],
)
def test_roles_of_other_tools_are_mapped_and_reported(name: str, role: str) -> None:
    for keys in (("from", "value"), ("role", "content")):
        messages, remarks = read([dict(zip(keys, (name, "x"), strict=True))])
        assert messages == [{"role": role, "content": "x"}]
        assert remarks == {f"role {name} read as {role}"}


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        {"id": "1", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
        {"id": "1", "name": "weather", "arguments": {"city": "Oslo"}},
        {"id": "1", "name": "weather", "parameters": '{"city": "Oslo"}'},
    ],
)
def test_tool_calls_get_one_layout_with_arguments_as_an_object(call: dict[str, Any]) -> None:
    answer = {"role": "tool", "content": "3 °C", "tool_call_id": "1"}
    messages, _ = read([ASK, {"role": "assistant", "content": None, "tool_calls": [call]}, answer])
    assert messages == [ASK, {"role": "assistant", "content": "", "tool_calls": [CALL]}, answer]


def test_sharegpt_and_legacy_function_calls_become_tool_calls() -> None:
    legacy = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    expected = [{key: CALL[key] for key in ("type", "function")}]
    sharegpt, remarks = read([{"from": "function_call", "value": json.dumps(legacy)}])
    assert sharegpt == [{"role": "assistant", "content": "", "tool_calls": expected}]
    assert remarks == {"role function_call read as a tool call"}
    assert read([{"role": "assistant", "content": None, "function_call": legacy}])[0] == sharegpt


def test_text_parts_are_joined_and_json_text_is_read() -> None:
    parts = [{"type": "text", "text": "weather "}, {"type": "text", "text": "in Oslo?"}]
    assert read([{"role": "user", "content": parts}])[0] == [ASK]
    assert read(json.dumps([ASK]))[0] == [ASK]


def test_keys_without_meaning_here_are_reported_and_null_ones_ignored() -> None:
    messages, remarks = read([{**ASK, "id": 7, "weight": 1, "tool_calls": None, "name": None}])
    assert messages == [ASK]
    assert remarks == {"message key 'id' not used"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "'messages' must be a list, found null"),
        ("hello", "'messages' must be a list, found text"),
        ("[1", "'messages' is text that is not JSON"),
        ([], "'messages' holds no messages"),
        (["hi"], "message 1 must be an object, found text"),
        ([ASK, {"content": "x"}], "message 2 has no role"),
        ([{"role": 3, "content": "x"}], "message 1 has no role .* found a number"),
        ([{"role": "narrator", "content": "x"}], "message 1 has the unknown role 'narrator'"),
        ([{"role": "user", "content": 3}], "the content must be text, found a number"),
        ([{"role": "user"}], "the content must be text, found null"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}], "'image_url'; only text"),
        ([{"role": "user", "content": [3]}], "only text"),
        ([{**ASK, "weight": 0}], "asks not to be learnt"),
        ([{"from": "gpt", "value": "x", "train": False}], "asks not to be learnt"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "names no function"),
        ([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "[1]"}]}], "must be an object, found a list"),
        ([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}], "not JSON"),
        ([{"role": "assistant", "tool_calls": 3}], "must be a list"),
        ([{"from": "function_call", "value": "call it"}], "not JSON"),
    ],
)
def test_what_cannot_be_read_is_an_error(value: Any, message: str) -> None:
    with pytest.raises(RowError, match=message):
        read(value)


def test_tools_get_one_layout() -> None:
    function = {"name": "weather", "description": "d", "parameters": {}}
    wrapped = [{"type": "function", "function": function}]
    remarks: set[str] = set()
    assert read_tools(wrapped, remarks) == read_tools(json.dumps(wrapped), remarks) == wrapped
    assert read_tools([json.dumps(wrapped[0])], remarks) == wrapped
    assert not remarks
    assert read_tools([function], remarks) == wrapped
    assert remarks
    for empty in (None, "", "[]", []):
        assert read_tools(empty, remarks) == []
    with pytest.raises(RowError, match="must hold objects"):
        read_tools([3], remarks)
