"""A layout that cannot be started is refused; processes that end badly are reported by number and signal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError
from forgelm.train.launch import Layout, check_layout, run_processes


def test_a_layout_becomes_what_torch_s_launcher_takes() -> None:
    assert Layout(2).arguments() == ["--nproc-per-node=2", "--nnodes=1", "--max-restarts=0"]
    assert Layout(2, 3, 1, "[::1]:29500").arguments()[-3:] == [
        "--node-rank=1",
        "--master-addr=[::1]",
        "--master-port=29500",
    ]


def test_what_cannot_be_started_is_refused() -> None:
    check_layout(Layout(1))
    with pytest.raises(ConfigError, match="a place to meet"):
        check_layout(Layout(1, nodes=2))
    with pytest.raises(ConfigError, match="counted from 0"):
        check_layout(Layout(1, nodes=2, node_rank=2, master="a:1"))


def test_how_each_process_ended_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ending.py").write_text(
        "import os, signal, sys, time\n"
        "if os.environ['RANK'] == '1': os.kill(os.getpid(), getattr(signal, sys.argv[1]))\n"
        "time.sleep(30)\n",
        encoding="utf-8",
    )
    (tmp_path / "fine.py").write_text("import sys; assert sys.argv[1:] == ['--a', 'b c']\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = list(sys.argv)
    assert run_processes(Layout(2), "fine", ["--a", "b c"], grace_seconds=None) == {}
    failed = run_processes(Layout(2), "ending", ["SIGKILL"], grace_seconds=1)
    assert failed[1] == -9
    assert sys.argv == before
