"""Addresses of machines, and what only looks like one."""

from __future__ import annotations

import ipaddress
import random

import pytest

from forgelm.audit.pii import network
from forgelm.audit.pii.find import detect_pii, find_pii


def test_public_and_private_agree_with_the_standard_library() -> None:
    source = random.Random(3)
    first = [0, 10, 100, 127, 169, 172, 192, 198, 203, 224, 255]
    for _ in range(5000):
        value = ".".join(str(source.choice([source.randrange(256), *first])) for _ in range(4))
        address = ipaddress.IPv4Address(value)
        nobody = (
            address.is_loopback or address.is_multicast or value.startswith("0.") or int(value.split(".")[0]) >= 240
        )
        assert network.public_ipv4(value) == (address.is_global and not nobody), value
        assert network.private_ipv4(value) == (not address.is_global and not nobody), value


@pytest.mark.parametrize(
    "text",
    ["1.2.3.4.5", "256.1.1.1", "version 1.2.3.4", "::1", "::", "12:34:56:78", "1:2:3:4:5:6:7:8", "2001:db8", "a::b"],
)
def test_other_things_with_dots_and_colons(text: str) -> None:
    assert detect_pii(text) == {}


def test_ports_and_brackets_stay_outside() -> None:
    text = "http://8.8.4.4:80/ [2606:4700::6810:85e5]:443"
    assert [text[slice(*finding.span)] for finding in find_pii(text)] == ["8.8.4.4", "2606:4700::6810:85e5"]


def test_fingerprints_are_no_machine_addresses() -> None:
    assert detect_pii(":".join(["ab"] * 5 + ["cd"])) == {"mac_address": 1}
    assert detect_pii(":".join(["ab", "cd"] * 8)) == {}
    assert detect_pii("00:00:00:00:00:00 ff-ff-ff-ff-ff-ff") == {}
