"""``forgelm quickstart`` as a newcomer types it, in a process of its own that cannot reach any network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.cli.main import run


def test_the_dry_run_writes_config_and_data_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "here" / "config.yaml"
    assert run(["quickstart", "--output", str(path), "--dry-run"]) == 0
    assert str(path) in capsys.readouterr().out
    assert sorted(item.name for item in path.parent.iterdir()) == ["config.yaml", "heldout.jsonl", "train.jsonl"]


@pytest.mark.slow
def test_the_whole_first_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forgelm", "quickstart", "--output", "first/config.yaml"]
    if shutil.which("unshare") and os.geteuid() == 0:
        command = ["unshare", "-rn", *command]
    done = subprocess.run(
        [*command, "--output-format", "json"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    reply = json.loads(done.stdout)
    assert reply["exact_match_after"] - reply["exact_match_before"] >= 0.5
    assert reply["verdict"] == "promoted"
    log = tmp_path / "first" / "run" / "audit_log.jsonl"
    assert run(["verify-audit", str(log)]) == 0
    assert run(["verify-integrity", str(tmp_path / "first" / "run" / "final_model")]) == 0
