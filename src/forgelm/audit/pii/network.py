"""Addresses of machines: their shape, and whether they lead to one machine on the internet or on a private network."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = f"{_OCTET}(?:\\.{_OCTET}){{3}}"
BEFORE_IPV4 = r"(?<![0-9A-Za-z_.])(?<![Vv]ersion )(?<![Vv]ersion: )"

# Only prefixes that are in use on networks, so that ``a::b`` in source code is not an address.
IPV6 = "(?i:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):(?i:[0-9a-f]{0,4}:){1,6}(?i:[0-9a-f]{1,4})?"
BEFORE_IPV6 = r"(?<![0-9A-Za-z_:.])"
AFTER_IPV6 = r"(?![0-9A-Za-z_:])"

MAC = "(?i:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5})"
BEFORE_MAC = r"(?<![0-9A-Za-z_])(?<![0-9A-Fa-f][:-])"
AFTER_MAC = r"(?![0-9A-Za-z_])(?![:-][0-9A-Fa-f])"

IPV4_CLUE = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
IPV6_CLUE = "[0-9A-Fa-f]{4}:[0-9A-Fa-f:]"
MAC_CLUE = "[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]"

# First octets of "this network", loopback, multicast and what is reserved; and those with any special range.
_NO_MACHINE = frozenset(map(str, (0, 127, *range(224, 256))))
_SPECIAL = _NO_MACHINE | {"10", "100", "169", "172", "192", "198", "203"}


def public_ipv4(value: str) -> bool:
    return value.partition(".")[0] not in _SPECIAL or (not _of_no_machine(value) and IPv4Address(value).is_global)


def private_ipv4(value: str) -> bool:
    return value.partition(".")[0] in _SPECIAL and not _of_no_machine(value) and not IPv4Address(value).is_global


def public_ipv6(value: str) -> bool:
    address = _ipv6(value)
    return address is not None and address.is_global


def private_ipv6(value: str) -> bool:
    address = _ipv6(value)
    return address is not None and not address.is_global


def mac(value: str) -> bool:
    return len(set(value.replace(":", "").replace("-", ""))) > 1


def _ipv6(value: str) -> IPv6Address | None:
    try:
        return IPv6Address(value)
    except AddressValueError:
        return None


def _of_no_machine(value: str) -> bool:
    return value.partition(".")[0] in _NO_MACHINE
