"""Answers GET requests on this machine with a text that is made anew for each."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator

from forgelm.base.errors import ConfigError

_SECONDS_FOR_A_REQUEST = 5.0


@contextlib.contextmanager
def serve_text(port: int, path: str, content_type: str, text: Callable[[], str]) -> Iterator[int]:
    """Serve ``text()`` at ``path`` of 127.0.0.1 while the block lasts; give the port, which 0 leaves to the system.

    Raises:
        ConfigError: the port cannot be had.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = _SECONDS_FOR_A_REQUEST
        server_version, sys_version = "forgelm", ""

        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == path
            body = text().encode() if found else b"not here\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", content_type if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: who asks is nobody's business."""

    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise ConfigError(f"port {port} of this machine cannot be had: {error.strerror or error}") from error
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True, name="forgelm-serve"
    )
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
