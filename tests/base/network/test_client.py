"""The one HTTP client against real servers on loopback, and against the hostile corpus without a single packet."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import write_certificate
from hostile_urls import NEVER, ODD_HOSTS, OTHER_SCHEMES, PRIVATE, in_url
from loopback import Answer, Asked, closed_port, serving

from forgelm.base.errors import AddressRefusedError, ConfigError, NetworkError
from forgelm.base.network.client import HttpClient, Reply
from forgelm.base.network.guard import PUBLIC_ONLY, PlainHttp, Policy
from forgelm.base.network.stream import open_socket

LOCAL = HttpClient(Policy(allow_private=True), timeout_seconds=60)


class Counted:
    """A resolver and a ``connect`` that only count."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.resolved = self.connected = 0

    def resolve(self, host: str, port: int, timeout: float) -> list[str]:
        self.resolved += 1
        return self.answers

    def connect(self, address: str, port: int, timeout: float) -> socket.socket:
        self.connected += 1
        raise ConnectionRefusedError(f"the test lets nobody through to {address}")

    def client(self, policy: Policy = PUBLIC_ONLY) -> HttpClient:
        return HttpClient(policy, resolve=self.resolve, connect=self.connect)


def hostile() -> list[tuple[str, tuple[str, ...]]]:
    literal = [in_url(address) for address in (*NEVER, *PRIVATE)]
    odd = [f"https://{host}/" for host in ODD_HOSTS]
    names = [("https://innocent.example/", (address,)) for address in (*NEVER, *PRIVATE)]
    mixed = [("https://innocent.example/", ("8.8.8.8", address)) for address in (*NEVER, *PRIVATE)]
    clear = [("http://innocent.example/", ("8.8.8.8",)), ("http://8.8.8.8/", ())]
    return [*((url, ()) for url in (*literal, *odd, *OTHER_SCHEMES)), *names, *mixed, *clear]


def test_the_corpus_is_large_enough() -> None:
    assert len(set(hostile())) >= 300


@pytest.mark.parametrize(("url", "answers"), hostile())
def test_a_hostile_url_is_refused_before_any_packet(url: str, answers: tuple[str, ...]) -> None:
    counted = Counted(*answers)
    for send in (counted.client().check, lambda url: counted.client().request("POST", url, body=b"secret")):
        with pytest.raises(AddressRefusedError) as caught:
            send(url)
        assert "hook" not in str(caught.value)
    assert counted.connected == 0
    assert counted.resolved == (2 if answers else 0)


@pytest.mark.parametrize("address", NEVER)
def test_what_is_closed_is_so_although_private_is_open(address: str) -> None:
    counted = Counted()
    with pytest.raises(AddressRefusedError):
        counted.client(Policy(allow_private=True, plain_http=PlainHttp.ANYWHERE)).request("GET", in_url(address))
    assert counted.connected == 0


def test_a_name_that_changes_its_answer_is_asked_once_and_connected_where_it_was_vetted() -> None:
    """DNS rebinding: the second answer, a private one, is never asked for."""
    answers, places = [["93.184.215.14"], ["127.0.0.1"]], []

    def connect(address: str, port: int, timeout: float) -> socket.socket:
        places.append(address)
        raise ConnectionRefusedError("no")

    client = HttpClient(resolve=lambda *_: answers.pop(0), connect=connect)
    with pytest.raises(NetworkError):
        client.request("GET", "https://rebinding.example/")
    assert (places, answers) == (["93.184.215.14"], [["127.0.0.1"]])


def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Answer(500)) as proxy, serving(lambda _: Answer(body=b"direct")) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert LOCAL.request("GET", server.url).body == b"direct"
        assert proxy.asked == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("place", ["http://169.254.169.254/latest/meta-data/", "/elsewhere", "https://example.com"])
def test_no_redirect_is_followed(status: int, place: str) -> None:
    with serving(lambda _: Answer(status, headers={"Location": place})) as server:
        with pytest.raises(NetworkError, match=f"redirect \\({status}\\)"):
            LOCAL.request("POST", f"{server.url}/hook", body=b"{}")
        assert len(server.asked) == 1


def test_a_request_arrives_as_it_was_meant() -> None:
    with serving(lambda _: Answer(201, b'{"ok": true}', {"X-Found": "yes"})) as server:
        reply = LOCAL.post_json(f"{server.url}/v1/hook?a=b", {"text": "grün \ud800"}, {"Authorization": "Bearer abc"})
        asked = server.asked[0]
    assert (reply.status, reply.ok, reply.json(), reply.headers["x-found"]) == (201, True, {"ok": True}, "yes")
    assert (asked.method, asked.path) == ("POST", "/v1/hook?a=b")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Bearer abc"
    assert "grün" in asked.body.decode()


def test_every_status_but_a_redirect_is_a_reply() -> None:
    for status in (200, 204, 400, 401, 404, 429, 500, 503):
        with serving(lambda _, status=status: Answer(status, b"")) as server:  # type: ignore[misc]
            reply = LOCAL.request("GET", server.url)
        assert (reply.status, reply.ok) == (status, status < 300)


def drip(connected: socket.socket) -> None:
    """Send a byte now and then until nobody is there to take it."""
    connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connected.sendall(b"x")
        time.sleep(0.03)


def endless(connected: socket.socket) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connected.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def silent(connected: socket.socket) -> None:
    """Say nothing until the other side has gone."""
    connected.recv(1)


@pytest.mark.parametrize("raw", [drip, silent])
def test_a_slow_reply_ends_at_the_deadline(raw: Callable[[socket.socket], None]) -> None:
    client = dataclasses.replace(LOCAL, timeout_seconds=0.4)
    with serving(lambda _: Answer(raw=raw)) as server, pytest.raises(NetworkError, match=r"within|timed out"):
        client.request("GET", server.url)


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200,
     b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000 + b"\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_reply_is_a_network_error(said: bytes) -> None:
    with serving(lambda _: Answer(raw=lambda connected: connected.sendall(said))) as server:
        with pytest.raises(NetworkError) as caught:
            LOCAL.request("GET", server.url)
        assert server.url in str(caught.value)


def test_a_reply_without_end_stops_at_the_largest() -> None:
    client = dataclasses.replace(LOCAL, largest_reply=100_000)
    with (
        serving(lambda _: Answer(raw=endless)) as server,
        pytest.raises(NetworkError, match="larger than 100000 bytes"),
    ):
        client.request("GET", server.url)


def test_nobody_there() -> None:
    with pytest.raises(NetworkError, match="Connection refused"):
        LOCAL.request("GET", f"http://127.0.0.1:{closed_port()}/hook")


def test_the_second_address_is_tried_when_the_first_does_not_answer() -> None:
    with serving(lambda _: Answer(body=b"here")) as server:
        client = dataclasses.replace(LOCAL, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
        assert client.request("GET", f"http://two.example:{server.port}/").body == b"here"
        assert server.asked[0].headers["host"] == f"two.example:{server.port}"


def test_the_certificate_is_checked_against_the_name_while_the_connection_goes_to_the_vetted_address(
    tmp_path: Path,
) -> None:
    files = write_certificate(tmp_path, "judge.example")
    with serving(lambda _: Answer(body=b"here"), tls=files) as server:
        trusting = dataclasses.replace(
            LOCAL, policy=Policy(allow_private=True, ca_bundle=files[0]), resolve=lambda *_: ["127.0.0.1"]
        )
        assert trusting.request("GET", f"https://judge.example:{server.port}/").body == b"here"
        with pytest.raises(NetworkError, match="certificate"):
            trusting.request("GET", f"https://other.example:{server.port}/")
        with pytest.raises(NetworkError, match="certificate"):
            trusting.request("GET", server.url)
        with pytest.raises(NetworkError, match="certificate"):
            dataclasses.replace(trusting, policy=Policy(allow_private=True)).request(
                "GET", f"https://judge.example:{server.port}/"
            )


@pytest.mark.parametrize("text", [None, "not a certificate"])
def test_a_bundle_that_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if text:
        bundle.write_text(text)
    client = HttpClient(Policy(ca_bundle=str(bundle)), resolve=lambda *_: ["8.8.8.8"])
    with pytest.raises(ConfigError, match="trusted authorities"):
        client.request("GET", "https://example.com")


@pytest.mark.parametrize("value", ["Bearer abc\r\nX-Other: 1", "Bearer grün", "a\x00b"])
def test_a_header_that_would_be_two_is_not_sent_and_not_shown(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LOCAL.request("GET", "http://127.0.0.1:1/", headers={"Authorization": value})
    assert "abc" not in str(caught.value)


def test_no_error_shows_path_query_or_headers() -> None:
    def echo(asked: Asked) -> Answer:
        return Answer(raw=lambda connected: connected.sendall(asked.headers["authorization"].encode() + b"\r\n"))

    with serving(echo) as server:
        for url in (
            f"{server.url}/services/T0/B0/secretpath?key=secretquery",
            f"http://127.0.0.1:{closed_port()}/secretpath",
        ):
            with pytest.raises(NetworkError) as caught:
                LOCAL.request("POST", url, body=b"secretbody", headers={"Authorization": "Bearer verysecretkey"})
            assert "secret" not in str(caught.value)


def test_an_excerpt_is_one_line_without_credentials() -> None:
    shown = Reply(500, {}, b"bad\nkey sk-abcdefghijklmnopqrstuvwx0123 \x1b[31m" + b"x" * 9000).excerpt()
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "sk-abc" not in shown
    assert len(shown) == 200


def test_json_that_is_none() -> None:
    for body in (b"", b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):
            Reply(200, {}, body).json()


def test_threads_share_one_client() -> None:
    with serving(lambda asked: Answer(body=asked.body)) as server:
        found: list[bytes] = []

        def ask(number: int) -> None:
            found.append(LOCAL.request("POST", server.url, body=b"%d" % number).body)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(map(int, found)) == list(range(16))


def test_open_socket_connects() -> None:
    with serving(lambda _: Answer()) as server, open_socket("127.0.0.1", server.port, 5) as connected:
        assert connected.getpeername() == ("127.0.0.1", server.port)
