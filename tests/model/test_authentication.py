"""Logging in: nothing without a token or offline, and a refused token is one clear error."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from forgelm.model.authentication import setup_authentication


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_nothing_happens_without_a_token_or_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUGGINGFACE_TOKEN", raising=False)
    setup_authentication()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    setup_authentication("hf_" + "x" * 30)


def test_a_refused_token_is_a_config_error_that_does_not_show_it(hub: str, tmp_path: str) -> None:
    token = "hf_" + "x" * 30
    script = (
        "import forgelm\n"
        "try: forgelm.setup_authentication()\n"
        "except forgelm.ConfigError as error: print('refused:', error)\n"
    )
    environment = {k: v for k, v in os.environ.items() if "OFFLINE" not in k and not k.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub, "HUGGINGFACE_TOKEN": token, "HF_HOME": str(tmp_path), "NO_PROXY": "*"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.startswith("refused: the hub refused the token"), done.stderr[-1500:]
    assert token not in done.stdout + done.stderr
