"""A teacher behind an endpoint that answers well, late, wrongly or not at all; and calls that keep their distance."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from judges import completion
from loopback import Answer, Asked, closed_port, serving

from forgelm.base.errors import AddressRefusedError, ConfigError, NetworkError
from forgelm.base.network.replies import Said
from forgelm.base.network.retry import Retries
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.synthesis.teacher import (
    ApiTeacher,
    FileTeacher,
    Pace,
    Request,
    TeacherRefusesError,
    build_api_teacher,
)

Make = Callable[..., SyntheticConfig]
KEY = "a-plain-word-of-a-key-0123"


def teacher(section: SyntheticConfig, attempts: int = 3) -> ApiTeacher:
    return build_api_teacher(section, retries=Retries(attempts=attempts, sleep=lambda _: None))


def ask(found: ApiTeacher) -> Said:
    (said,) = found.ask([Request("Hello?", "here", found.section)], ["key"])
    return said


def test_what_is_asked(section: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", f"{KEY}\n")
    with serving(lambda _: completion("Hi.")) as server:
        found = teacher(section(f"{server.url}/v1", api_key_env="TEACHER_KEY", max_new_tokens=9, temperature=0.2))
        assert ask(found) == Said("Hi.", 100, 20)
        asked = server.asked[0]
    assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert asked.json() == {
        "model": "t",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello?"},
        ],
        "max_tokens": 9,
        "temperature": 0.2,
    }
    assert KEY not in repr(found)


def test_a_key_in_the_file_is_sent_and_none_is_not(section: Make) -> None:
    with serving(lambda _: completion("Hi.")) as server:
        ask(teacher(section(server.url, api_key=KEY)))
        ask(teacher(section(server.url)))
        assert [asked.headers.get("authorization") for asked in server.asked] == [f"Bearer {KEY}", None]


def test_a_busy_server_is_asked_again(section: Make) -> None:
    statuses = iter([429, 500, 200])

    def answer(_: Asked) -> Answer:
        status = next(statuses)
        return completion("At last.") if status == 200 else Answer(status, b"later", {"Retry-After": "0"})

    with serving(answer) as server:
        assert ask(teacher(section(server.url))).text == "At last."
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(500, f"down, and your key is {KEY}".encode()), "status 500"),
        (Answer(200, b'{"weather": "fine"}'), "something other than a chat completion"),
        (Answer(200, b"<html>"), "something other than a chat completion"),
        (Answer(400, b'{"error": "no such parameter"}'), "status 400"),
        (Answer(302, b"", {"Location": "http://169.254.169.254/"}), "redirect"),
        (Answer(raw=lambda connection: connection.close()), "127.0.0.1"),
    ],
)
def test_what_is_no_answer_is_said_without_the_key(section: Make, answer: Answer, message: str) -> None:
    with serving(lambda _: answer) as server:
        with pytest.raises(NetworkError, match=message) as caught:
            ask(teacher(section(server.url, api_key=KEY), attempts=2))
        assert KEY not in str(caught.value)


def test_nobody_listens(section: Make) -> None:
    with pytest.raises(NetworkError):
        ask(teacher(section(f"http://127.0.0.1:{closed_port()}"), attempts=2))


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_refusal_is_final(section: Make, status: int) -> None:
    with serving(lambda _: Answer(status)) as server:
        with pytest.raises(TeacherRefusesError, match=str(status)):
            ask(teacher(section(server.url)))
        assert len(server.asked) == 1


def test_reasoning_models_name_the_limit_otherwise(section: Make) -> None:
    def answer(asked: Asked) -> Answer:
        if "max_tokens" in asked.json():
            return Answer(400, json.dumps({"error": "use max_completion_tokens"}).encode())
        return completion("Hm.")

    with serving(answer) as server:
        found = teacher(section(server.url))
        assert [ask(found).text, ask(found).text] == ["Hm.", "Hm."]
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "https://169.254.169.254/v1", "https://10.0.0.1", "ftp://x", "http://[", "x"]
)
def test_an_address_that_is_not_allowed_is_refused_before_any_packet(section: Make, url: str) -> None:
    with pytest.raises(AddressRefusedError):
        build_api_teacher(section(url, allow_private_destinations=False))


def test_a_variable_that_is_not_set(section: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    with pytest.raises(ConfigError, match="TEACHER_KEY"):
        build_api_teacher(section(api_key_env="TEACHER_KEY"))


def test_nothing_is_sent_once_it_is_stopped(section: Make) -> None:
    with serving(lambda _: completion("Hi.")) as server:
        found = teacher(section(server.url))
        found.stop()
        with pytest.raises(TeacherRefusesError, match="not asked any more"):
            ask(found)
        assert server.asked == []


def test_calls_begin_a_delay_apart() -> None:
    now, slept = count(0.0, 0.1), list[float]()
    pace = Pace(1.0, clock=lambda: next(now), sleep=slept.append)
    for _ in range(3):
        pace.wait()
    assert slept == pytest.approx([0.9, 1.8])


def test_a_digest_is_of_everything_a_reply_depends_on(section: Make) -> None:
    identity: dict[str, Any] = {"model": "t"}
    base = Request("a", "x", section())
    others = [
        Request("b", "x", section()),
        Request("a", "x", section(), "known"),
        Request("a", "x", section(temperature=0)),
        Request("a", "x", section(max_new_tokens=7)),
        Request("a", "x", section(system_prompt="s")),
    ]
    keys = {request.key(identity) for request in (base, *others)}
    assert len(keys) == 6 and base.key({"model": "u"}) not in keys
    assert Request("a", "elsewhere", section(output_format="chatml", api_delay=3)).key(identity) == base.key(identity)


def test_a_file_says_what_it_knows(section: Make) -> None:
    found = FileTeacher(section())
    requests = [Request("a", "x", section(), "1"), Request("b", "x", section())]
    assert found.ask(requests, ["", ""]) == [Said("1"), Said("")]


def test_a_teacher_has_the_time_the_section_gives_it(section: Make) -> None:
    assert teacher(section(api_timeout=11)).client.timeout_seconds == 11
