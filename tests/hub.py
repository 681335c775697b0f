"""A hub on this machine that serves one small model, for commands that fetch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "ab12" * 10
FILES = {"config.json": b'{"model_type": "llama"}', "model.safetensors": b"weights", "pytorch_model.bin": b"pickle"}


@contextlib.contextmanager
def serve_model_hub() -> Iterator[tuple[str, list[str]]]:
    """Serve ``org/model`` at one commit and nothing else; yield the address and the paths that are asked for."""
    asked: list[str] = []

    class Hub(_Hub):
        paths = asked

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


class _Hub(BaseHTTPRequestHandler):
    paths: list[str]

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.paths.append(path)
        file = path.rpartition("/")[2]
        if path in ("/api/models/org/model/revision/main", f"/api/models/org/model/revision/{COMMIT}"):
            siblings = [{"rfilename": name} for name in FILES]
            self._send(200, json.dumps({"id": "org/model", "sha": COMMIT, "siblings": siblings}).encode(), {})
        elif path.startswith(f"/api/models/org/model/tree/{COMMIT}"):
            tree = [
                {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                for name, body in FILES.items()
            ]
            self._send(200, json.dumps(tree).encode(), {})
        elif path.startswith(f"/org/model/resolve/{COMMIT}/") and file in FILES:
            etag = hashlib.sha1(FILES[file]).hexdigest()
            self._send(200, FILES[file], {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
