"""Datagrams go where the policy lets them, and nowhere else."""

from __future__ import annotations

import socket

import pytest

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.datagram import send_datagrams
from forgelm.base.network.guard import Policy


def test_they_arrive() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(60)
        send_datagrams(f"127.0.0.1:{agent.getsockname()[1]}", [b"one", b"two"], Policy(allow_private=True))
        assert [agent.recv(100), agent.recv(100)] == [b"one", b"two"]


@pytest.mark.parametrize(
    "place", ["127.0.0.1:8125", "169.254.169.254:8125", "2130706433:1", "a", "http://a.example:1", ""]
)
def test_a_place_that_is_not_allowed_or_none(place: str) -> None:
    with pytest.raises(AddressRefusedError):
        send_datagrams(place, [b"x"], Policy())


def test_a_name_is_resolved_once_and_vetted() -> None:
    with pytest.raises(AddressRefusedError):
        send_datagrams("agent.example:8125", [b"x"], Policy(), resolve=lambda *_: ["10.0.0.1"])
    with pytest.raises(NetworkError):
        send_datagrams("127.0.0.1:9", [b"x" * 70_000], Policy(allow_private=True))
