"""Sorts IP addresses by what a connection to them could reach: the public network, a private one, or nothing allowed.

Tables: the IANA special-purpose registries for IPv4 and IPv6, and the addresses at which clouds hand out credentials.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(StrEnum):
    """``PRIVATE`` may be opened by the user; what is ``NEVER`` stays closed."""

    PUBLIC = "public"
    PRIVATE = "private"
    NEVER = "never"


_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.169.253",
        "169.254.170.2",
        "169.254.170.23",
        "169.254.0.23",
        "169.254.42.42",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::253",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
    )
)
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Tunnels, which carry an IPv4 address of anyone's choice: Teredo, ORCHID, 6to4. Documentation, segment routing.
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def find_reach(address: Address) -> Reach:
    """Return what a connection to ``address`` could reach. What is in no table of public addresses is ``NEVER``."""
    inner = _embedded(address)
    if inner is not None:
        return find_reach(inner)
    if address in _METADATA or any(address in network for network in _NEVER):
        return Reach.NEVER
    if any(address in network for network in _PRIVATE):
        return Reach.PRIVATE
    if address.version == 4 or address in _UNICAST:
        return Reach.NEVER if _looks_like_isatap(address) else Reach.PUBLIC
    return Reach.NEVER


def is_metadata(address: Address) -> bool:
    """Whether a cloud hands out credentials at ``address``."""
    return (_embedded(address) or address) in _METADATA


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a mapped or translated (NAT64) address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


def _looks_like_isatap(address: Address) -> bool:
    return address.version == 6 and (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE
