"""Alone everything is free; two processes really tell, gather, add and seal, and a lost one is named."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.base.errors import TrainingError
from forgelm.train.processes import Processes, joined_processes, lost_process
from forgelm.train.seal import broken_seal

WORK = """
import json, sys
from pathlib import Path
from forgelm.base.errors import ConfigError, TrainingError
from forgelm.train.processes import joined_processes
folder = Path(sys.argv[1])
with joined_processes() as all:
    index = all.place.index
    found = {"told": all.tell(lambda: f"from {index}"), "sum": all.add(index + 1), "any": all.any(index == 1),
             "none": all.any(False), "gathered": all.gather(index)}
    with all.sealed_checkpoint(folder / "checkpoint-1", {"seed": 1}) as written:
        (written / f"part_{index}").write_text("x")
    found["sealed"] = (folder / "checkpoint-1").is_dir()
    for name, act in (("unlike", lambda: all.check_alike({"rows": index, "same": 1})),
                      ("failed", lambda: all.tell(lambda: 1 / 0))):
        try:
            act()
        except (ConfigError, TrainingError, ZeroDivisionError) as error:
            found[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    (folder / f"{index}.json").write_text(json.dumps(found))
    if len(sys.argv) > 2:
        if index == 1:
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            all.gather(1)
        except TrainingError as error:
            (folder / "lost").write_text(str(error))
"""


def run_two(folder: Path, *arguments: str) -> list[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, str(folder), *arguments],
            env={
                **os.environ,
                "RANK": str(index),
                "LOCAL_RANK": str(index),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "CUDA_VISIBLE_DEVICES": "",
            },
        )
        for index in range(2)
    ]
    return [child.wait(timeout=120) for child in children]


def test_alone_there_is_nobody_to_wait_for(tmp_path: Path) -> None:
    with joined_processes() as processes:
        assert processes == Processes()
        assert (processes.tell(lambda: 3), processes.add(2.0), processes.any(True), processes.gather("x")) == (
            3,
            2.0,
            True,
            ["x"],
        )
        processes.check_alike({"rows": 1})
        with processes.sealed_checkpoint(tmp_path / "checkpoint-1", {}) as written:
            (written / "part").write_text("x")
    assert broken_seal(tmp_path / "checkpoint-1") is None


def test_two_processes_agree_and_a_lost_one_is_named(tmp_path: Path) -> None:
    assert run_two(tmp_path, "lose one") == [0, -9]
    first, second = (json.loads((tmp_path / f"{index}.json").read_text()) for index in range(2))
    shared = {"told": "from 0", "sum": 3, "any": True, "none": False, "gathered": [0, 1], "sealed": True}
    assert {name: first[name] for name in shared} == {name: second[name] for name in shared} == shared
    assert first["unlike"].endswith("are about to train different things: rows")
    assert first["failed"].startswith("ZeroDivisionError")
    assert second["failed"] == "TrainingError: the first process gave up: ZeroDivisionError: division by zero"
    assert broken_seal(tmp_path / "checkpoint-1") is None
    assert {path.name for path in (tmp_path / "checkpoint-1").iterdir()} >= {"part_0", "part_1"}
    assert "another process of this training was lost" in (tmp_path / "lost").read_text()


def test_only_what_communication_says_is_taken_for_a_lost_process() -> None:
    with pytest.raises(TrainingError, match="was lost"), lost_process():
        raise RuntimeError("[gloo] Connection closed by peer [127.0.0.1]:1234")
    with pytest.raises(RuntimeError, match="shapes"), lost_process():
        raise RuntimeError("shapes do not match")
