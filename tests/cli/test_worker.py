"""A worker leaves what it said and its exit code in a file, and prints nothing itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_worker_leaves_its_reply_in_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forgelm.cli.worker", str(tmp_path), "--config", "nowhere.yaml"]
    done = subprocess.run([*command, "--output-format", "json"], capture_output=True, text=True, check=False)
    found = json.loads((tmp_path / "0.json").read_text())
    assert (done.returncode, done.stdout, found["code"]) == (1, "", 1)
    assert "nowhere.yaml" in json.loads(found["said"])["error"]
