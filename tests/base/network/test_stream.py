"""One deadline for everything a connection does."""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest

from forgelm.base.errors import NetworkError
from forgelm.base.network.stream import Deadline, Stream, open_stream


def test_a_deadline_runs_out() -> None:
    assert 0 < Deadline(60).left() <= 60
    deadline = Deadline(0.01)
    time.sleep(0.02)
    with pytest.raises(TimeoutError, match="within 0 s"):
        deadline.left()


def test_reads_share_the_deadline() -> None:
    here, there = socket.socketpair()
    with here, there:
        deadline = Deadline(60)
        stream = Stream(here, deadline)
        stream.sendall(b"ping")
        assert there.recv(4) == b"ping"
        there.sendall(b"pong")
        with stream.makefile("rb") as reader:
            assert reader.read(4) == b"pong"
            deadline._end = time.monotonic() + 0.05
            with pytest.raises(TimeoutError):
                reader.read(1)


def test_every_address_gets_its_share_of_the_time() -> None:
    shares: list[float] = []

    def connect(address: str, port: int, timeout: float) -> socket.socket:
        shares.append(timeout)
        raise TimeoutError("timed out")

    addresses = [ipaddress.ip_address(f"10.0.0.{number}") for number in (1, 2, 3, 4)]
    with pytest.raises(NetworkError, match="no connection: timed out"):
        open_stream(addresses, 80, Deadline(8000), connect=connect, tls=None)
    assert shares == pytest.approx([2000, 8000 / 3, 4000, 8000], abs=60)
