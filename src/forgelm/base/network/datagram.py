"""Sends datagrams to an agent: vetted as a connection is, and never waited for."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.guard import PlainHttp, Policy, Resolve, resolve_host, vet
from forgelm.base.network.target import read_target


def send_datagrams(
    place: str, payloads: Iterable[bytes], policy: Policy, resolve: Resolve = resolve_host, timeout_seconds: float = 5
) -> None:
    """Send each payload by UDP to ``place``, written ``host:port``. Whether it arrives, nobody knows.

    Raises:
        AddressRefusedError: the place is none, or the policy does not allow it; nothing was sent.
        NetworkError: its name cannot be resolved, or this machine cannot send.
    """
    if ":" not in place or "/" in place:
        raise AddressRefusedError("an agent's place is written host:port")
    target = read_target(f"http://{place}/")
    # There is no TLS for datagrams to ask for; where they may go is the policy's all the same.
    addresses = vet(target, Policy(policy.allow_private, PlainHttp.ANYWHERE), resolve, timeout_seconds)
    address = addresses[0]
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for payload in payloads:
                sender.sendto(payload, (str(address), target.port))
    except OSError as error:
        raise NetworkError(f"nothing can be sent to {place}: {error}") from error
