"""Every address is sorted by what it could reach."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hostile_urls import NEVER, PRIVATE, PUBLIC

from forgelm.base.network.addresses import Reach, find_reach, is_metadata


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        *((address, Reach.NEVER) for address in NEVER),
        *((address, Reach.PRIVATE) for address in PRIVATE),
        *((address, Reach.PUBLIC) for address in PUBLIC),
    ],
)
def test_what_an_address_reaches(address: str, reach: Reach) -> None:
    assert find_reach(ipaddress.ip_address(address)) is reach


def test_nothing_that_python_calls_private_is_public() -> None:
    draw = random.Random(0)
    numbers = [draw.getrandbits(32) for _ in range(20_000)] + [draw.getrandbits(24) << 8 | 1 for _ in range(5_000)]
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [ipaddress.IPv4Address(number) for number in numbers]
    found += [ipaddress.IPv6Address(draw.getrandbits(128)) for _ in range(20_000)]
    found += [ipaddress.IPv6Address(0x2001 << 112 | draw.getrandbits(112)) for _ in range(5_000)]
    public = [address for address in found if find_reach(address) is Reach.PUBLIC]
    assert len(public) > 20_000
    assert [address for address in public if not address.is_global or address.is_multicast] == []


def test_only_the_clouds_own_are_metadata() -> None:
    assert is_metadata(ipaddress.ip_address("169.254.169.254"))
    assert is_metadata(ipaddress.ip_address("::ffff:169.254.169.254"))
    assert not is_metadata(ipaddress.ip_address("240.0.0.1"))
