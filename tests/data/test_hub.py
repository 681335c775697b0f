"""A hub on this machine answers the requests that loading one small dataset makes.

Each load runs in a process of its own: the libraries read their environment once, when they are imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

COMMIT = "c0ffee" * 6 + "1234"
_ROW = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
_CALL = {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {"x": 1}}]}
_FILES = {
    "train.jsonl": (json.dumps(_ROW) + "\n") * 3 + json.dumps({"messages": [_ROW["messages"][0], _CALL]}) + "\n",
    "test.jsonl": json.dumps(_ROW) + "\n",
}


SCRIPT = """
import dataclasses, json, sys
from forgelm.base.errors import DataError
from forgelm.config.data import DataConfig
from forgelm.data.prepare import prepare

results = []
for name, offline in json.loads(sys.argv[1]):
    try:
        prepared = prepare(DataConfig(dataset_name_or_path=name, shuffle=False), seed=1, offline=offline)
        results.append(dataclasses.asdict(prepared))
    except DataError as error:
        results.append(str(error))
print(json.dumps(results))
"""


@contextlib.contextmanager
def serve_hub() -> Iterator[str]:
    """Serve ``org/name`` at one commit, ``org/gated`` without access, and nothing else; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Hub(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        api = "/api/datasets/org/name"
        if path == "/api/datasets/org/gated":
            self._answer(403, {"error": "no"}, {"X-Error-Code": "GatedRepo"})
        elif path in (api, f"{api}/revision/{COMMIT}"):
            self._answer(200, {"id": "org/name", "sha": COMMIT, "siblings": [{"rfilename": file} for file in _FILES]})
        elif path.startswith(f"{api}/tree/{COMMIT}"):
            self._answer(200, [_describe(file) for file in _FILES])
        elif path.startswith(f"/datasets/org/name/resolve/{COMMIT}/") and path.rpartition("/")[2] in _FILES:
            self._send_file(path.rpartition("/")[2])
        elif "/org/name/" in path:
            self._answer(404, {"error": "no"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            self._answer(404, {"error": "no"}, {"X-Error-Code": "RepoNotFound"})

    def _send_file(self, file: str) -> None:
        self._send(200, _FILES[file].encode(), {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": COMMIT})

    def _answer(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _describe(file: str) -> dict[str, object]:
    return {"type": "file", "path": file, "size": len(_FILES[file]), "oid": _digest(file)}


def _digest(file: str) -> str:
    return hashlib.sha1(_FILES[file].encode(), usedforsecurity=False).hexdigest()


def prepare_each(loads: list[tuple[str, bool]], home: Path, endpoint: str = "http://127.0.0.1:9") -> list[Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    environment |= {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(loads)],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def online(home: Path) -> Iterator[list[Any]]:
    """What four loads gave while the hub was there; the first one filled the cache in ``home``."""
    loads = [("org/name", False), ("org/gone", False), ("org/gated", False), ("org/name", True)]
    with serve_hub() as endpoint:
        yield prepare_each(loads, home, endpoint)


def test_a_hub_dataset_is_loaded_at_the_commit_it_was_pinned_to(online: list[Any]) -> None:
    prepared = online[0]
    source = prepared["sources"][0]
    assert (source["kind"], source["name"], source["rows"]) == ("huggingface_hub", "org/name", 5)
    assert source["fingerprint"]["hf_revision"] == COMMIT
    assert source["fingerprint"]["hf_revision_source"] == "loaded"
    assert (len(prepared["train"]), len(prepared["validation"])) == (4, 1)
    assert prepared["validation_origin"] == "test split"


def test_keys_that_arrow_filled_in_are_gone(online: list[Any]) -> None:
    rows = [row["value"]["messages"] for row in online[0]["train"]]
    assert rows[0] == [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    call = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    assert rows[3][1] == {"role": "assistant", "content": "", "tool_calls": [call]}


def test_what_the_hub_refuses_is_a_clear_error(online: list[Any]) -> None:
    assert "org/gone: neither a local file or folder nor a dataset on the hub" in online[1]
    assert "auth.hf_token" in online[1]
    assert "org/gated: access to this dataset must be granted first" in online[2]


def test_offline_the_cached_commit_is_used_and_said_to_be(online: list[Any]) -> None:
    assert online[3]["train"] == online[0]["train"]
    assert online[3]["sources"][0]["fingerprint"]["hf_revision"] == COMMIT
    assert "org/name: read from the local cache (offline)" in online[3]["notes"]


@pytest.mark.usefixtures("online")
def test_a_hub_that_does_not_answer_is_no_reason_to_stop_when_there_is_a_copy(home: Path) -> None:
    cached, missing = prepare_each([("org/name", False), ("org/gone", False)], home)
    assert cached["sources"][0]["fingerprint"]["hf_revision"] == COMMIT
    assert any("the hub did not answer" in note for note in cached["notes"])
    assert "nor in the local cache (the hub did not answer" in missing


def test_offline_without_a_copy_is_a_clear_error_and_a_snapshot_is_a_copy(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "datasets--org--name"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (snapshot / "train.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    (tmp_path / "gone.jsonl").write_text("")
    missing, found = prepare_each([("gone", True), ("org/name", True)], tmp_path)
    assert "gone: neither a local file or folder nor in the local cache (offline)" in missing
    assert "did you mean gone.jsonl?" in missing
    assert found["sources"][0]["kind"] == "huggingface_hub"
    assert found["sources"][0]["fingerprint"]["hf_revision"] == COMMIT
    assert len(found["sources"][0]["fingerprint"]["sha256"]) == 64
