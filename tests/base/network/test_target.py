"""A URL leads to one place in every program's reading, or is refused."""

from __future__ import annotations

import pytest
from hostile_urls import ODD_HOSTS, OTHER_SCHEMES

from forgelm.base.errors import AddressRefusedError
from forgelm.base.network.target import read_target


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_an_odd_host_is_refused(host: str) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        read_target(f"https://{host}/hook")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", OTHER_SCHEMES)
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        read_target(url)


@pytest.mark.parametrize(
    ("url", "shown", "host", "port", "path"),
    [
        ("https://Example.COM", "https://example.com", "example.com", 443, "/"),
        ("https://example.com.:443/a?b=c#d", "https://example.com", "example.com", 443, "/a?b=c"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000", "127.0.0.1", 8000, "/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000", "::1", 8000, "/v1"),
        ("http://[0:0::1]/", "http://[::1]", "::1", 80, "/"),
        ("https://my_service.internal/", "https://my_service.internal", "my_service.internal", 443, "/"),
        (
            "https://bücher.example/ü?q=ß",
            "https://xn--bcher-kva.example",
            "xn--bcher-kva.example",
            443,
            "/%C3%BC?q=%C3%9F",
        ),
        ("https://example.com/a%2Fb", "https://example.com", "example.com", 443, "/a%2Fb"),
        ("https://1password.com/", "https://1password.com", "1password.com", 443, "/"),
    ],
)
def test_where_a_url_leads(url: str, shown: str, host: str, port: int, path: str) -> None:
    target = read_target(url)
    assert (str(target), target.host, target.port, target.path) == (shown, host, port, path)
    assert "a?b" not in str(target)
