"""Models fetched into a cache: which folder, which files, what is said when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub import COMMIT, serve_model_hub

from forgelm.model.cache import hub_cache

FETCH = """
import dataclasses, json, sys
from pathlib import Path
from forgelm.base.errors import ModelError
from forgelm.model.cache import cache_model
try:
    print(json.dumps(dataclasses.asdict(cache_model(sys.argv[1], Path(sys.argv[2])))))
except ModelError as error:
    print(json.dumps(error.message))
"""


def fetch(name: str, folder: Path, endpoint: str) -> Any:
    """Fetch in a process of its own: the hub's client reads its environment when it is imported."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment = {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, name, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_a_model_is_fetched_at_its_commit_without_what_is_never_loaded(tmp_path: Path) -> None:
    with serve_model_hub() as (endpoint, asked):
        found = fetch("org/model", tmp_path, endpoint)
        again = fetch(f"org/model@{COMMIT}", tmp_path, endpoint)
    place = Path(found["cached_path"])
    assert sorted(path.name for path in place.iterdir()) == ["config.json", "model.safetensors"]
    assert place.is_relative_to(tmp_path) and found["revision"] == COMMIT == again["revision"]
    assert found["size_bytes"] == len('{"model_type": "llama"}') + len("weights")
    assert not any(path.endswith(".bin") for path in asked)


def test_what_is_not_there_and_a_hub_that_is_down_are_said(tmp_path: Path) -> None:
    with serve_model_hub() as (endpoint, _):
        assert "org/other could not be fetched" in fetch("org/other", tmp_path, endpoint)
    assert "could not be fetched" in fetch("org/model", tmp_path, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("output", "environment", "expected"),
    [
        ("here", {"HF_HUB_CACHE": "/a"}, Path("here").absolute()),
        (None, {"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, Path("/a")),
        (None, {"HF_HOME": "/b"}, Path("/b/hub")),
        (None, {}, Path("~/.cache/huggingface/hub").expanduser()),
    ],
)
def test_the_folder_is_the_one_asked_for_or_the_librarys_own(
    monkeypatch: pytest.MonkeyPatch, output: str | None, environment: dict[str, str], expected: Path
) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert hub_cache(output) == expected
