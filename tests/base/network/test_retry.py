"""What may succeed the next time is sent again, not too soon and not for ever."""

from __future__ import annotations

import email.utils
from collections.abc import Callable

import pytest

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.client import Reply
from forgelm.base.network.retry import Retries

Script = list[Reply | Exception]


def play(script: Script, **settings: float) -> tuple[Callable[[], Reply], list[float], Retries]:
    waits: list[float] = []
    retries = Retries(sleep=waits.append, draw=lambda: 1.0, clock=lambda: 1_000_000.0, **settings)  # type: ignore[arg-type]

    def attempt() -> Reply:
        found = script.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return attempt, waits, retries


def reply(status: int, **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 422, 501])
def test_what_is_final_is_not_sent_again(status: int) -> None:
    attempt, waits, retries = play([reply(status)])
    assert retries.send(attempt).status == status
    assert waits == []


@pytest.mark.parametrize("trouble", [reply(429), reply(500), reply(502), reply(503), reply(504), NetworkError("lost")])
def test_what_is_temporary_is_sent_again_after_a_doubling_wait(trouble: Reply | Exception) -> None:
    attempt, waits, retries = play([trouble, trouble, trouble, reply(200)], first_wait_seconds=1)
    assert retries.send(attempt).status == 200
    assert waits == [1, 2, 4]


def test_it_ends_with_the_last_answer() -> None:
    attempt, waits, retries = play([reply(500)] * 3, attempts=3)
    assert retries.send(attempt).status == 500
    assert len(waits) == 2
    attempt, waits, retries = play([NetworkError("lost")] * 3, attempts=3)
    with pytest.raises(NetworkError):
        retries.send(attempt)
    attempt, waits, retries = play([reply(500)], attempts=1)
    assert (retries.send(attempt).status, waits) == (500, [])


def test_a_refused_address_is_not_asked_for_again() -> None:
    attempt, waits, retries = play([AddressRefusedError("no")])
    with pytest.raises(AddressRefusedError):
        retries.send(attempt)
    assert waits == []


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("99999", 30),
        ("9" * 400, 30),
        ("-5", 1),
        ("soon", 1),
        ("", 1),
        ("1e3", 1),
        (email.utils.formatdate(1_000_012, usegmt=True), 12),
        (email.utils.formatdate(900_000, usegmt=True), 1),
        (email.utils.formatdate(2_000_000, usegmt=True), 30),
        ("Wed, 99 Foo 2026", 1),
    ],
)
def test_it_waits_as_long_as_it_is_asked_to(asked: str, waited: float) -> None:
    attempt, waits, retries = play([reply(429, retry_after=asked), reply(200)], first_wait_seconds=1)
    assert retries.send(attempt).status == 200
    assert waits == [waited]


def test_waits_are_drawn_and_bounded() -> None:
    waits: list[float] = []
    retries = Retries(attempts=200, sleep=waits.append, draw=lambda: 0.0)
    assert retries.send(lambda: reply(503)).status == 503
    assert waits[0] == 0.25
    assert max(waits) == 15
