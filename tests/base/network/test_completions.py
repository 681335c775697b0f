"""What an OpenAI-compatible endpoint may say, and what is no chat completion."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.client import Reply
from forgelm.base.network.completions import build_key_header, complete_url, read_completion
from forgelm.base.network.replies import Said


def reply(body: Any) -> Reply:
    return Reply(200, MappingProxyType({}), body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_completion_is_its_text_its_tokens_and_why_it_ended() -> None:
    choice = {"message": {"content": "Hi."}, "finish_reason": "length"}
    usage = {"prompt_tokens": 3, "completion_tokens": True}
    assert read_completion(reply({"choices": [choice], "usage": usage}), "it") == Said("Hi.", 3, None, "length")
    parts = {"message": {"content": [{"type": "text", "text": "a"}, {"type": "image"}]}, "finish_reason": 7}
    assert read_completion(reply({"choices": [parts]}), "it") == Said("a")
    refused = {"message": {"content": None, "refusal": "No."}}
    assert read_completion(reply({"choices": [refused]}), "it") == Said("No.")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"[" * 100_000, {"error": "x"}, {"choices": []}, {"choices": [{}]}, {"choices": ["x"]}, 7],
)
def test_other_json_is_no_completion(body: Any) -> None:
    with pytest.raises(NetworkError, match=r"^the teacher t answered with something other"):
        read_completion(reply(body), "the teacher t")


def test_urls_and_keys() -> None:
    assert complete_url("https://a.example/v1/") == "https://a.example/v1/chat/completions"
    assert complete_url("https://a.example/v1/chat/completions") == "https://a.example/v1/chat/completions"
    with pytest.raises(AddressRefusedError, match="no URL"):
        complete_url("http://[")
    assert build_key_header("https://a.example", "k") == {"Authorization": "Bearer k"}
    assert build_key_header("https://m.openai.azure.com/x", "k") == {"api-key": "k"}
