"""Sockets with one deadline for everything: connecting, TLS, sending and every single read."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

from forgelm.base.errors import NetworkError
from forgelm.base.network.addresses import Address

Connect = Callable[[str, int, float], socket.socket]


class Deadline:
    """A moment after which nothing is waited for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left.

        Raises:
            TimeoutError: there are none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"nothing more within {self._seconds:.0f} s")
        return left


def open_socket(address: str, port: int, timeout_seconds: float) -> socket.socket:
    """Return a socket connected to a numeric address."""
    return socket.create_connection((address, port), timeout_seconds)


class Stream:
    """A connected socket as ``http.client`` uses one. Its deadline holds for all reads together."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._socket, self._deadline))

    def close(self) -> None:
        """Do nothing: ``http.client`` closes its socket before the reply is read. ``end`` closes."""

    def end(self) -> None:
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)


def open_stream(
    addresses: Sequence[Address],
    port: int,
    deadline: Deadline,
    *,
    connect: Connect,
    tls: tuple[ssl.SSLContext, str] | None,
) -> Stream:
    """Return a stream to the first of ``addresses`` that answers; ``tls`` is a context and the name to check.

    Raises:
        NetworkError: none of them answers.
        OSError, ssl.SSLError: the connection was lost or its certificate is not to be trusted.
    """
    failure: OSError | None = None
    for number, address in enumerate(addresses, 1):
        try:
            # The first of several addresses must not use up the time of the others.
            raw = connect(str(address), port, deadline.left() / (len(addresses) - number + 1))
        except OSError as error:
            failure = error
            continue
        try:
            raw.settimeout(deadline.left())
            return Stream(tls[0].wrap_socket(raw, server_hostname=tls[1]) if tls else raw, deadline)
        except BaseException:
            raw.close()
            raise
    raise NetworkError(f"no connection: {failure}") from failure
