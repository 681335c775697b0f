"""A judge behind an endpoint, on a real server that answers well, late, wrongly or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from judges import completion, judging
from loopback import Answer, Asked, closed_port, serving

from forgelm.base.errors import AddressRefusedError, ConfigError, NetworkError
from forgelm.base.network.replies import Said
from forgelm.base.network.retry import Retries
from forgelm.config.judge import JudgeConfig
from forgelm.data.prompts import EvalPrompt
from forgelm.evaluate.judge.endpoint import Endpoint, JudgeRefusesError, build_endpoint
from forgelm.evaluate.judge.rubric import ask_for_comparison, ask_for_score

KEY = "a-plain-word-of-a-key-0123"
QUESTION = ask_for_score(EvalPrompt("Hello?"), "Hi.")


def endpoint(base: str, **fields: Any) -> Endpoint:
    config = JudgeConfig.model_validate(
        {"judge_api_base": base, "judge_model": "m", "allow_private_destinations": True, "timeout_seconds": 2, **fields}
    )
    return build_endpoint(config, config, retries=Retries(attempts=3, sleep=lambda _: None))


def test_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", f" {KEY}\n")
    with judging() as server:
        said = endpoint(f"{server.url}/v1", judge_api_key_env="JUDGE_KEY").ask(QUESTION)
        asked = server.asked[0]
    assert said == Said('{"reason": "length", "score": 3}', 100, 20)
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    body = asked.json()
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0, 400)
    assert body["response_format"]["json_schema"]["name"] == "score"
    assert body["messages"] == QUESTION.messages


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/d/chat/completions?api-version=1", "/openai/d/chat/completions?api-version=1"),
        ("/openai/d?api-version=1", "/openai/d/chat/completions?api-version=1"),
    ],
)
def test_a_base_is_completed(base: str, path: str) -> None:
    with judging() as server:
        endpoint(server.url + base).ask(QUESTION)
        assert server.asked[0].path == path
        assert "authorization" not in server.asked[0].headers


def test_azure_wants_its_key_in_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    found = endpoint("https://mine.openai.azure.com/openai/v1", judge_api_key_env="JUDGE_KEY")
    assert found.headers == {"api-key": KEY}
    assert KEY not in repr(found)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_key_that_is_not_there(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(ConfigError, match="JUDGE_KEY"):
        endpoint("http://127.0.0.1", judge_api_key_env="JUDGE_KEY")


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504])
def test_a_passing_trouble_passes(trouble: int) -> None:
    answers = [Answer(trouble, b"busy", {"Retry-After": "1"}), Answer(trouble, b"busy"), completion({"score": 5})]
    with serving(lambda _: answers.pop(0)) as server:
        assert endpoint(server.url).ask(QUESTION).text == '{"score": 5}'


@pytest.mark.parametrize("trouble", [429, 500, 503])
def test_a_lasting_trouble_is_said(trouble: int) -> None:
    with serving(lambda _: Answer(trouble, b'{"error": "out of order"}')) as server:
        with pytest.raises(NetworkError, match=f"status {trouble}.*out of order"):
            endpoint(server.url).ask(QUESTION)
        assert len(server.asked) == 3


def test_a_slow_judge_is_not_waited_for() -> None:
    with serving(lambda _: Answer(raw=lambda _: time.sleep(0.5))) as server, pytest.raises(NetworkError):
        endpoint(server.url, timeout_seconds=0.1).ask(QUESTION)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_judge_that_refuses_is_asked_once(status: int) -> None:
    with serving(lambda _: Answer(status, b"no")) as server:
        with pytest.raises(JudgeRefusesError, match=f"refuses \\({status}\\)"):
            endpoint(server.url).ask(QUESTION)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
     b"", b"<html>", b"[]", b"7", b"null", b"{}", b'{"choices": []}', b'{"choices": [{}]}',
     b'{"choices": [{"message": 7}]}', b'{"choices": [{"message": {"content": [{"type": "text"}]}}]}', b"\xff",
     b"[" * 100_000, b'{"choices": {"0": 1}}'],
)  # fmt: skip
def test_what_is_no_completion(body: bytes) -> None:
    with serving(lambda _: Answer(body=body)) as server, pytest.raises(NetworkError, match="other than a chat"):
        endpoint(server.url).ask(QUESTION)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (completion(None, refusal="I will not."), "I will not."),
        (completion(None), ""),
        (completion("", tool_calls=[]), ""),
        (completion([{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]), None),
    ],
)
def test_odd_replies_are_replies(answer: Answer, said: str | None) -> None:
    with serving(lambda _: answer) as server:
        found = endpoint(server.url).ask(QUESTION)
    if said is not None:
        assert found.text == said


def test_a_reply_in_parts_is_put_together() -> None:
    body = {"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]}
    with serving(lambda _: Answer(body=json.dumps(body).encode())) as server:
        assert endpoint(server.url).ask(QUESTION) == Said("ab")


@pytest.mark.parametrize("usage", [None, [], {"prompt_tokens": "7"}, {"prompt_tokens": -1}, {"prompt_tokens": True}])
def test_a_bill_that_makes_no_sense_is_no_bill(usage: Any) -> None:
    body = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    with serving(lambda _: Answer(body=json.dumps(body).encode())) as server:
        assert endpoint(server.url).ask(QUESTION) == Said("x")


def understanding(check: Callable[[dict[str, Any]], bool]) -> Callable[[Asked], Answer]:
    return lambda asked: completion({"score": 5}) if check(asked.json()) else Answer(400, b'{"error": "unsupported"}')


@pytest.mark.parametrize(
    ("check", "sent"),
    [
        (lambda body: "max_completion_tokens" in body, 2),
        (lambda body: body.get("response_format") == {"type": "json_object"}, 3),
        (lambda body: "response_format" not in body, 4),
    ],
)
def test_a_server_that_understands_less_is_asked_for_less_and_this_is_remembered(
    check: Callable[[dict[str, Any]], bool], sent: int
) -> None:
    with serving(understanding(check)) as server:
        judge = endpoint(server.url)
        judge.ask(QUESTION)
        assert len(server.asked) == sent
        judge.ask(ask_for_comparison(EvalPrompt("a"), "b", "c"))
        assert len(server.asked) == sent + 1


def test_a_server_that_understands_nothing() -> None:
    with (
        serving(understanding(lambda _: False)) as server,
        pytest.raises(NetworkError, match=r"status 400.*unsupported"),
    ):
        endpoint(server.url).ask(QUESTION)


def test_loopback_needs_the_users_word() -> None:
    with judging() as server:
        with pytest.raises(AddressRefusedError, match=r"evaluation\.llm_judge\.allow_private_destinations"):
            endpoint(server.url, allow_private_destinations=False).ask(QUESTION)
        assert server.asked == []


def test_no_error_shows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)

    def echo(asked: Asked) -> Answer:
        return Answer(500, f"bad key {asked.headers['authorization']}".encode())

    with serving(echo) as server:
        for base in (server.url, f"http://127.0.0.1:{closed_port()}"):
            with pytest.raises(NetworkError) as caught:
                endpoint(base, judge_api_key_env="JUDGE_KEY").ask(QUESTION)
            assert KEY not in str(caught.value)
