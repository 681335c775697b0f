"""Names are resolved once, every answer is looked at, and the worst one decides."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable

import pytest
from hostile_urls import NEVER, PRIVATE, PUBLIC, in_url

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.guard import PlainHttp, Policy, resolve_host, vet
from forgelm.base.network.target import read_target

OPEN = Policy(allow_private=True, plain_http=PlainHttp.ANYWHERE)


def answering(*addresses: str) -> Callable[[str, int, float], list[str]]:
    return lambda host, port, timeout: list(addresses)


@pytest.mark.parametrize("address", NEVER)
def test_what_is_closed_stays_closed_as_address_and_as_answer(address: str) -> None:
    for policy in (Policy(), OPEN):
        with pytest.raises(AddressRefusedError):
            vet(read_target(in_url(address)), policy, answering())
        with pytest.raises(AddressRefusedError):
            vet(read_target("https://example.com"), policy, answering(address))
        with pytest.raises(AddressRefusedError):
            vet(read_target("https://example.com"), policy, answering("8.8.8.8", address))


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_needs_the_users_word(address: str) -> None:
    for url, answer in ((in_url(address), answering()), ("https://example.com", answering("8.8.8.8", address))):
        with pytest.raises(AddressRefusedError, match="private network"):
            vet(read_target(url), Policy(), answer)
        assert vet(read_target(url), Policy(allow_private=True), answer)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_needs_nothing_but_tls(address: str) -> None:
    found = vet(read_target("https://example.com"), Policy(), answering(address))
    assert found == [ipaddress.ip_address(address)]
    with pytest.raises(AddressRefusedError, match="in the clear"):
        vet(read_target("http://example.com"), Policy(allow_private=True), answering(address))
    assert vet(read_target("http://example.com"), Policy(plain_http=PlainHttp.ANYWHERE), answering(address))


def test_plain_http_may_go_to_a_private_address_only_when_that_is_open() -> None:
    private = read_target("http://127.0.0.1:8000")
    assert vet(private, Policy(allow_private=True))
    with pytest.raises(AddressRefusedError, match="allow_it: true"):
        vet(private, Policy(allow_private_key="allow_it"))
    with pytest.raises(AddressRefusedError, match="in the clear"):
        vet(private, Policy(allow_private=True, plain_http=PlainHttp.NEVER))


def test_https_only_refuses_before_it_resolves() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, timeout: float) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"]

    with pytest.raises(AddressRefusedError):
        vet(read_target("http://example.com"), Policy(plain_http=PlainHttp.NEVER), resolve)
    assert asked == []


@pytest.mark.parametrize("answers", [[], ["not an address"]])
def test_a_resolver_that_answers_nothing_useful(answers: list[str]) -> None:
    with pytest.raises(NetworkError):
        vet(read_target("https://example.com"), Policy(), answering(*answers))


def test_the_systems_resolver() -> None:
    assert "127.0.0.1" in resolve_host("localhost", 80, 10)
    with pytest.raises(NetworkError, match="cannot be resolved"):
        resolve_host("a..b", 80, 10)


def test_the_systems_resolver_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait() and [])
    with pytest.raises(NetworkError, match="was not resolved within"):
        resolve_host("example.com", 443, 0.05)
    over.set()


@pytest.mark.parametrize("resolver", [None, lambda *_, **__: None])
def test_a_fault_in_the_resolvers_thread_reaches_the_caller_at_once(
    monkeypatch: pytest.MonkeyPatch, resolver: Callable[..., None] | None
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", resolver)
    with pytest.raises(NetworkError, match="cannot be resolved: 'NoneType'"):
        resolve_host("example.com", 443, 600)


def test_what_no_resolver_can_be_asked_for() -> None:
    for host, port in (("a\0b", 443), ("localhost", 2**70)):
        with pytest.raises(NetworkError, match="cannot be resolved"):
            resolve_host(host, port, 600)
