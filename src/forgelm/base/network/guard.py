"""Decides where a connection may go: a target and a policy in, the addresses to connect to out, resolved once."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from forgelm.base.errors import AddressRefusedError, NetworkError
from forgelm.base.network.addresses import Address, Reach, find_reach, is_metadata
from forgelm.base.network.target import Target

Resolve = Callable[[str, int, float], Sequence[str]]


class PlainHttp(StrEnum):
    """Where a connection may go without TLS."""

    NEVER = "never"
    PRIVATE = "private"
    ANYWHERE = "anywhere"


@dataclass(frozen=True)
class Policy:
    """Public hosts over https only, unless the user says otherwise.

    ``allow_private`` opens loopback and private networks, where plain http is then allowed too. The addresses at which
    clouds hand out credentials stay closed. ``ca_bundle`` is a PEM file of authorities trusted instead of the system's.
    """

    allow_private: bool = False
    plain_http: PlainHttp = PlainHttp.PRIVATE
    ca_bundle: str | None = None
    # The key a user would change, for the sentence of a refusal.
    allow_private_key: str = "allow_private_destinations"


PUBLIC_ONLY = Policy()


def resolve_host(host: str, port: int, timeout_seconds: float) -> list[str]:
    """Return the addresses of a host name, in the system's order.

    Raises:
        NetworkError: there are none, or the answer takes too long.
    """
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, ValueError, TypeError, OverflowError) as error:  # all that a resolver raises
            answers.put(error)

    # The system's resolver cannot be given a time limit, and nothing waits for a daemon.
    threading.Thread(target=ask, daemon=True, name="forgelm-resolve").start()
    try:
        answer = answers.get(timeout=timeout_seconds)
    except queue.Empty:
        raise NetworkError(f"the name {host} was not resolved within {timeout_seconds:.0f} s") from None
    if isinstance(answer, Exception):
        raise NetworkError(f"the name {host} cannot be resolved: {answer}") from answer
    return answer


def vet(target: Target, policy: Policy, resolve: Resolve = resolve_host, timeout_seconds: float = 10) -> list[Address]:
    """Return the addresses of ``target``, every one of them allowed by ``policy``.

    One address that is not allowed refuses the target: a name that leads to several places leads to the worst.

    Raises:
        AddressRefusedError: the policy does not allow the target.
        NetworkError: its name cannot be resolved.
    """
    literal = target.address
    if literal is None and target.scheme == "http" and policy.plain_http is PlainHttp.NEVER:
        raise _refuse_http(target)
    addresses = [literal] if literal else [_read(text) for text in resolve(target.host, target.port, timeout_seconds)]
    if not addresses:
        raise NetworkError(f"the name {target.host} has no address")
    for address in addresses:
        _check(target, address, policy)
    return addresses


def _check(target: Target, address: Address, policy: Policy) -> None:
    reach = find_reach(address)
    if reach is Reach.NEVER:
        why = "a cloud's own service" if is_metadata(address) else "an address no connection is made to"
        raise AddressRefusedError(f"{target} leads to {address}, {why}")
    if reach is Reach.PRIVATE and not policy.allow_private:
        raise AddressRefusedError(
            f"{target} leads to {address}, which is on this machine or in a private network",
            hint=f"set {policy.allow_private_key}: true if that is meant",
        )
    clear = policy.plain_http
    allowed = clear is PlainHttp.ANYWHERE or (clear is PlainHttp.PRIVATE and reach is Reach.PRIVATE)
    if target.scheme == "http" and not allowed:
        raise _refuse_http(target)


def _refuse_http(target: Target) -> AddressRefusedError:
    return AddressRefusedError(f"{target} would be sent in the clear", hint="use https://")


def _read(text: str) -> Address:
    try:
        # A scope (fe80::1%eth0) says which interface, not which address.
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError as error:
        raise NetworkError(f"the resolver answered with {text!r}, which is no address") from error
