"""Reads a URL into where it leads, refusing every spelling of a host that two programs could read in two ways."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from forgelm.base.errors import AddressRefusedError
from forgelm.base.network.addresses import Address

_PORTS = {"http": 80, "https": 443}.items()
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_AS_IS = "/%:@!$&'()*+,;=~-._?"
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\]|\s")


@dataclass(frozen=True)
class Target:
    """``host`` is a name or a canonical address, without brackets; ``path`` starts with a slash and holds the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> Address | None:
        """The host, when it is an address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if (self.scheme, self.port) in _PORTS else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Say where it leads, without path and query: they may be secret."""
        return f"{self.scheme}://{self.host_header}"


def read_target(url: str) -> Target:
    """Return where ``url`` leads.

    Raises:
        AddressRefusedError: it is no plain http or https URL; credentials belong into a header, and a host of digits
            must be a canonical address.
    """
    if _UNSAFE.search(url):
        raise AddressRefusedError("a URL must not contain spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefusedError("that is no URL a connection can be made to") from error
    if parts.scheme not in dict(_PORTS):
        raise AddressRefusedError("a URL must begin with https:// or http://")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise AddressRefusedError("a URL must not contain a user name or a password")
    if port == 0 or parts.netloc.endswith(":"):
        raise AddressRefusedError("a URL must not name port 0 or an empty port")
    name = _read_host(host, bracketed="[" in parts.netloc)
    path = quote(parts.path or "/", safe=_AS_IS) + (f"?{quote(parts.query, safe=_AS_IS)}" if parts.query else "")
    return Target(parts.scheme, name, port or dict(_PORTS)[parts.scheme], path)


def _read_host(host: str, *, bracketed: bool) -> str:
    if bracketed:
        return _read_ipv6(host)
    if any(char.isnumeric() and not char.isascii() for char in host):
        raise AddressRefusedError("the digits of a host must be those from 0 to 9")
    try:
        name = host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError as error:
        raise AddressRefusedError("the host of a URL is no host name") from error
    bare = name.removesuffix(".")
    if _NUMBER.fullmatch(bare.rpartition(".")[2]):
        return _read_ipv4(host)
    if not _HOST.fullmatch(bare):
        raise AddressRefusedError("the host of a URL is no host name")
    return bare


def _read_ipv4(host: str) -> str:
    # inet_aton reads 2130706433, 0x7f.1 and 0177.0.0.1 as addresses, and other programs do not.
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise AddressRefusedError("a host of digits must be an address written as four decimal numbers") from error


def _read_ipv6(host: str) -> str:
    try:
        if "%" in host:
            raise ValueError("a zone")
        return str(ipaddress.IPv6Address(host))
    except ValueError as error:
        raise AddressRefusedError("what stands in brackets must be an IPv6 address without a zone") from error
