"""The commands that fetch: one document each, exit codes, and a folder that works without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub import COMMIT, serve_model_hub


def call(*arguments: str, **environment: str) -> tuple[int, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-m", "forgelm", *arguments, "--output-format", "json"],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("words", [("cache", "models"), ("cache-models",)])
def test_models_are_fetched_and_counted(tmp_path: Path, words: tuple[str, ...]) -> None:
    with serve_model_hub() as (endpoint, _):
        places = ["--output", str(tmp_path), "--audit-dir", str(tmp_path / "log")]
        code, reply = call(*words, "--model", "org/model", *places, HF_ENDPOINT=endpoint)
        guarded = call(*words, "--safety", "org/model", *places, HF_ENDPOINT=endpoint)
    assert (code, reply["success"], reply["cache_dir"]) == (0, True, str(tmp_path))
    assert (guarded[0], [model["name"] for model in guarded[1]["models"]]) == (0, ["org/model"])
    told = [json.loads(line) for line in (tmp_path / "log" / "audit_log.jsonl").read_text().splitlines()]
    done = [line for line in told if line["event"] == "cache.populate_models_completed"]
    assert [(line["count"], line["safety_classifier"]) for line in done] == [(1, None), (1, "org/model")]
    (model,) = reply["models"]
    assert (model["name"], model["revision"]) == ("org/model", COMMIT)
    assert {"cached_path", "size_bytes", "size_mb", "duration_s"} <= model.keys()
    assert reply["total_size_mb"] == model["size_mb"]


def test_no_model_is_1_and_one_that_is_not_there_is_2(tmp_path: Path) -> None:
    assert call("cache", "models")[0] == 1
    with serve_model_hub() as (endpoint, _):
        code, reply = call("cache", "models", "--model", "org/none", "--output", str(tmp_path), HF_ENDPOINT=endpoint)
    assert code == 2 and "org/none could not be fetched" in reply["error"]


def test_tasks_fetched_into_a_folder_are_there_without_a_network(tmp_path: Path) -> None:
    places = ["--output", str(tmp_path / "home"), "--audit-dir", str(tmp_path / "log")]
    code, reply = call("cache-tasks", "--tasks", "cafe_orders, cafe_talk", *places)
    assert "cache.populate_tasks_completed" in (tmp_path / "log" / "audit_log.jsonl").read_text()
    assert (code, reply["success"], reply["cache_dir"]) == (0, True, str(tmp_path / "home"))
    assert reply["tasks"] == [
        {"name": "cafe_orders", "cached": True, "error": None},
        {"name": "cafe_talk", "cached": True, "error": None},
    ]
    assert any((tmp_path / "home/datasets").rglob("*.arrow"))
    again = call("cache", "tasks", "--tasks", "cafe_orders", "--output", str(tmp_path / "home"))
    assert (again[0], again[1]["tasks"]) == (0, reply["tasks"][:1])
