"""One deadline for everything a connection does."""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest

from forgelm.base.errors import NetworkError
from forgelm.base.network.stream import Deadline, Stream, open_stream


def test_a_deadline_runs_out() -> None:
    deadline = Deadline(0.05)
    assert 0 < deadline.left() <= 0.05
    time.sleep(0.06)
    with pytest.raises(TimeoutError, match="within 0 s"):
        deadline.left()


def test_reads_share_the_deadline() -> None:
    here, there = socket.socketpair()
    with here, there:
        stream = Stream(here, Deadline(0.3))
        stream.sendall(b"ping")
        assert there.recv(4) == b"ping"
        there.sendall(b"pong")
        with stream.makefile("rb") as reader:
            assert reader.read(4) == b"pong"
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                reader.read(1)
            assert time.monotonic() - started < 0.5


def test_every_address_gets_its_share_of_the_time() -> None:
    shares: list[float] = []

    def connect(address: str, port: int, timeout: float) -> socket.socket:
        shares.append(timeout)
        raise TimeoutError("timed out")

    addresses = [ipaddress.ip_address(f"10.0.0.{number}") for number in (1, 2, 3, 4)]
    with pytest.raises(NetworkError, match="no connection: timed out"):
        open_stream(addresses, 80, Deadline(8), connect=connect, tls=None)
    assert shares == pytest.approx([2, 8 / 3, 4, 8], abs=0.1)
