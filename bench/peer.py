"""The existing package, forgelm 0.11.1, in an environment of its own (``make bench-peer``), beside ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEER = ROOT / "build" / "peer" / "bin" / "python"
CORPORA = ROOT / "build" / "corpora"
_TASK = Path(__file__).with_name("one_task.py")


def run_task(python: str | Path, task: str, path: Path, rows: int = 0) -> dict[str, float]:
    """Run one task of ``one_task.py`` in a process of that interpreter; one that fails ends the benchmark."""
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"}
    command = [str(python), str(_TASK), task, str(path), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone, cwd=path.parent)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_peer(task: str, path: Path, rows: int = 0) -> dict[str, float] | None:
    """Run it in the peer's environment; ``None``, and a word about it, where there is none."""
    if not PEER.exists():
        print("  the peer is not here: make bench-peer installs it under build/")
        return None
    return run_task(PEER, task, path, rows)
