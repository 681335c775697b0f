"""Uploading: against a server that speaks the hub's protocol on this machine, in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ConfigError, IntegrityError, ModelError
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.publish.upload import find_token, upload_model

EMBER = Path(str(files("forgelm.model") / "ember"))
# Made up; the hub's own never look like this.
TOKEN = "hf_" + "t0kenOfNobody" * 3


class Hub(ThreadingHTTPServer):
    """The hub's endpoints for making a repository and committing to it; weights go through LFS."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, str]] = []
        self.repos: dict[str, bool] = {}
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.message = ""
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _reply(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _begin(self) -> bytes:
        body = self._body()
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        return body

    def do_GET(self) -> None:
        self._begin()
        repo = self.path.partition("/api/models/")[2].partition("?")[0].partition("/revision")[0]
        self._reply({"id": repo, "private": self.server.repos.get(repo, False), "sha": "0" * 40, "siblings": []})

    def do_PUT(self) -> None:
        body = self._begin()
        self.server.objects[self.path.rpartition("/")[2]] = body
        self._reply({})

    def do_POST(self) -> None:
        body = self._begin()
        hub = self.server
        if hub.status != 200:
            self._reply({"error": f"refused {self.headers.get('Authorization')}"}, hub.status)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            private = asked.get("visibility") == "private" or bool(asked.get("private"))
            exists = name in hub.repos
            hub.repos.setdefault(name, private)
            self._reply({"url": f"{hub.url}/{name}", "name": name}, 409 if exists else 200)
        elif self.path == "/api/validate-yaml":
            self._reply({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            names = [one["path"] for one in json.loads(body)["files"]]
            modes = [{"path": one, "uploadMode": "lfs" if one.endswith("tensors") else "regular"} for one in names]
            self._reply({"files": [{**one, "shouldIgnore": False, "oid": None} for one in modes]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            made = [
                {**one, "authenticated": True, "actions": {"upload": {"href": f"{hub.url}/store/{one['oid']}"}}}
                for one in objects
            ]
            self._reply({"transfer": "basic", "objects": made})
        elif "/commit/" in self.path:
            for line in body.splitlines():
                item = json.loads(line)
                value = item["value"]
                if item["key"] == "header":
                    hub.message = value["summary"]
                elif item["key"] == "file":
                    hub.files[value["path"]] = base64.b64decode(value["content"])
                elif item["key"] == "lfsFile":
                    hub.files[value["path"]] = hub.objects[value["oid"]]
            repo = self.path.partition("/api/models/")[2].partition("/commit/")[0]
            self._reply({"commitUrl": f"{hub.url}/{repo}/commit/{'a' * 40}", "commitOid": "a" * 40})
        else:
            self._reply({"error": f"nothing at {self.path}"}, 404)


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def command(
    hub: Hub, *arguments: str, program: str = "forgelm", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command where the hub's client has not read its settings yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "NO_PROXY": "*"}
    line = [sys.executable, "-m", program, "upload", *arguments]
    env = {**kept, **settings, **environment}
    return subprocess.run(line, capture_output=True, text=True, env=env, timeout=120, check=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(EMBER, folder)
    (folder / "README.md").unlink()
    return folder


def test_a_model_arrives_whole_with_a_card(hub: Hub, model: Path) -> None:
    (model / "checkpoint-3").mkdir()
    (model / "checkpoint-3" / "optimizer.pt").write_bytes(b"x")
    (model / ".hidden").write_text("x")
    done = command(hub, str(model), "me/tuned", "--message", "First", "--output-format", "json", HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert (reply["success"], reply["repo_id"], reply["commit"]) == (True, "me/tuned", "a" * 40)
    names = {path.name for path in EMBER.iterdir() if path.is_file()}
    assert set(hub.files) == names
    for name in names - {"README.md"}:
        assert hub.files[name] == (EMBER / name).read_bytes(), name
    card = hub.files["README.md"].decode()
    assert card.startswith("---\n") and "library_name: transformers" in card and "Nothing is recorded" in card
    assert hub.message == "First"
    assert reply["left_out"] == [".hidden", "checkpoint-3/optimizer.pt"]
    assert not hub.repos["me/tuned"]
    weights = hashlib.sha256((EMBER / "model.safetensors").read_bytes()).hexdigest()
    assert weights in hub.objects, "weights go through LFS"


def test_the_token_is_sent_and_shown_nowhere(hub: Hub, model: Path) -> None:
    done = command(hub, str(model), "me/tuned", "--log-level", "DEBUG", HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert all(header == f"Bearer {TOKEN}" for _, path, header in hub.seen if "/store/" not in path)
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in content for content in hub.files.values())
    hub.status = 500
    failed = command(hub, str(model), "me/other", HF_TOKEN=TOKEN)
    assert failed.returncode == 2
    assert TOKEN not in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stderr


def test_private_is_asked_for_and_checked(hub: Hub, model: Path) -> None:
    assert command(hub, str(model), "me/secret", "--private", HF_TOKEN=TOKEN).returncode == 0
    assert hub.repos["me/secret"]
    hub.repos["me/open"] = False
    hub.files.clear()
    done = command(hub, str(model), "me/open", "--private", HF_TOKEN=TOKEN)
    assert done.returncode == 1 and "public" in done.stderr
    assert hub.files == {}


@pytest.mark.parametrize(
    ("status", "code", "said"), [(401, 1, "does not let"), (403, 1, "does not let"), (500, 2, "500")]
)
def test_a_hub_that_refuses(status: int, code: int, said: str, hub: Hub, model: Path) -> None:
    hub.status = status
    done = command(hub, str(model), "me/tuned", HF_TOKEN=TOKEN)
    assert done.returncode == code and said in done.stderr and hub.files == {}


def test_a_dry_run_sends_nothing(hub: Hub, model: Path) -> None:
    done = command(hub, str(model), "me/tuned", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would upload to" in done.stdout and "model.safetensors" in done.stdout
    assert hub.seen == []


def test_a_link_out_of_the_folder_is_not_followed(hub: Hub, model: Path, tmp_path: Path) -> None:
    (tmp_path / "private.txt").write_text("nobody's business")
    (model / "notes.txt").symlink_to(tmp_path / "private.txt")
    done = command(hub, str(model), "me/tuned", HF_TOKEN=TOKEN)
    assert done.returncode == 1 and "the link notes.txt, which leads out of it" in done.stderr
    assert hub.seen == []
    (model / "notes.txt").unlink()
    (model / "notes").symlink_to(tmp_path)
    with pytest.raises(ModelError, match="the link notes, which leads out of it"):
        upload_model(model, "me/tuned", dry_run=True)
    (model / "notes").unlink()
    (model / "notes.txt").symlink_to("config.json")
    names = [name for name, _ in upload_model(model, "me/tuned", dry_run=True).files]
    assert "notes.txt" in names


def test_an_adapter_is_merged_first(hub: Hub, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from support import ember_model

    adapter = get_peft_model(ember_model(), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    adapter.peft_config["default"].base_model_name_or_path = "builtin/ember"
    adapter.save_pretrained(str(tmp_path / "adapter"))
    done = command(
        hub, str(tmp_path / "adapter"), "me/a", "--merge-adapter", "--base-model", "builtin/ember", HF_TOKEN=TOKEN
    )
    assert done.returncode == 0, done.stderr
    assert "model.safetensors" in hub.files and "adapter_config.json" not in hub.files
    hub.files.clear()
    assert command(hub, str(tmp_path / "adapter"), "me/b", HF_TOKEN=TOKEN).returncode == 0
    assert "adapter_model.safetensors" in hub.files
    wrong = command(hub, str(tmp_path / "adapter"), "me/c", "--merge-adapter", HF_TOKEN=TOKEN)
    assert wrong.returncode == 1 and "--base-model" in wrong.stderr


def test_the_second_command_uploads_as_well(hub: Hub, model: Path) -> None:
    done = command(hub, str(model), "me/tuned", "-t", TOKEN, "-m", "Hello", "--json", program="finetune_cli")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["commit"] == "a" * 40
    assert hub.message == "Hello" and TOKEN not in done.stdout + done.stderr
    assert not hub.repos["me/tuned"]
    assert command(hub, str(model), "me/own", "--private", program="finetune_cli", HF_TOKEN=TOKEN).returncode == 0
    assert hub.repos["me/own"]
    merging = ("--merge-adapter", "--base-model", "builtin/ember")
    refused = command(hub, str(model), "me/tuned", *merging, program="finetune_cli", HF_TOKEN=TOKEN)
    assert refused.returncode == 1 and "no adapter to merge" in refused.stderr
    refused = command(hub, str(model), "me/tuned", "--merge-adapter", program="finetune_cli", HF_TOKEN=TOKEN)
    assert refused.returncode == 1 and re.match(r"Error: .*--base-model is missing", refused.stderr)


def test_what_cannot_be_uploaded_is_refused(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelError, match="not a folder"):
        upload_model(tmp_path / "absent", "me/a")
    with pytest.raises(ModelError, match="holds no model"):
        upload_model(tmp_path, "me/a")
    with pytest.raises(ModelError, match="no adapter to merge"):
        upload_model(model, "me/a", merge_into="builtin/ember")
    with pytest.raises(ConfigError, match="not the name of a repository"):
        upload_model(model, "a/b/c", token=TOKEN)
    with pytest.raises(ConfigError, match="no token"):
        upload_model(model, "me/a")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE"):
        upload_model(model, "me/a", token=TOKEN)
    monkeypatch.setenv("HF_TOKEN", " padded\n")
    assert find_token(None) == "padded" and find_token("mine") == "mine"
    write_integrity_manifest(model)
    assert upload_model(model, "me/a", dry_run=True).total_bytes > 0
    (model / "config.json").write_text("{}")
    with pytest.raises(IntegrityError):
        upload_model(model, "me/a", dry_run=True)
