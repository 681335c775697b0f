"""What a killed process left goes; what is being written, or is something else, stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import freeze, mounted

from forgelm.base.files import replacing
from forgelm.base.leftovers import sweep

pytest.importorskip("fcntl", reason="without locks nothing can tell who still writes")
KILLED = """
import os, signal, sys
from pathlib import Path
from forgelm.base.files import replacing
with replacing(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_what_a_dead_process_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    others = (".k.jsonl.abc", ".k.jsonl.a.b.tmp", ".other.jsonl.00.tmp", "k.jsonl.00.tmp")
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / ".k.jsonl.11.tmp").symlink_to("k.jsonl.00.tmp")
    with replacing(path) as stream:
        stream.write(b"whole")
        during = set(names(tmp_path)) - {left, ".k.jsonl.11.tmp", *others}
        sweep(path)
        assert set(names(tmp_path)) == during | {".k.jsonl.11.tmp", *others}
    assert path.read_bytes() == b"whole"


def test_a_folder_that_is_not_there_holds_no_leftovers(tmp_path: Path) -> None:
    sweep(tmp_path / "none" / "k.jsonl")


def test_what_cannot_be_removed_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with mounted(tmp_path / "place", 1 << 20) if os.geteuid() == 0 else contextlib.nullcontext() as place:
        folder = place or tmp_path / "place"
        folder.mkdir(exist_ok=True)
        (folder / ".k.jsonl.11.tmp").write_bytes(b"half")
        if place:
            freeze(folder)
        else:
            folder.chmod(0o500)
        sweep(folder / "k.jsonl")
        assert names(folder) == [".k.jsonl.11.tmp"]
        (said,) = (record.getMessage() for record in caplog.records)
        assert said.startswith(f"{folder / '.k.jsonl.11.tmp'}, which a killed command left, cannot be removed: ")
        folder.chmod(0o700) if not place else None
