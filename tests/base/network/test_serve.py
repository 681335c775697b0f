"""A page on this machine, made anew for every request."""

from __future__ import annotations

import pytest

from forgelm.base.errors import ConfigError, NetworkError
from forgelm.base.network.client import HttpClient
from forgelm.base.network.guard import Policy
from forgelm.base.network.serve import serve_text

LOCAL = HttpClient(Policy(allow_private=True), timeout_seconds=60)


def test_a_page_is_served_while_the_block_lasts() -> None:
    asked = iter(range(10))
    with serve_text(0, "/metrics", "text/plain; version=0.0.4", lambda: f"n {next(asked)}\n") as port:
        url = f"http://127.0.0.1:{port}"
        first, second = LOCAL.request("GET", f"{url}/metrics"), LOCAL.request("GET", f"{url}/metrics?x=y")
        assert (first.body, second.body) == (b"n 0\n", b"n 1\n")
        assert first.headers["content-type"] == "text/plain; version=0.0.4"
        assert LOCAL.request("GET", f"{url}/other").status == 404
        assert LOCAL.request("POST", f"{url}/metrics", body=b"x").status == 501
        with pytest.raises(ConfigError, match=f"port {port}"), serve_text(port, "/", "text/plain", str):
            pass
    with pytest.raises(NetworkError):
        LOCAL.request("GET", f"{url}/metrics")
