"""A folder's files are replaced as a whole, whatever fails and whenever the process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.base.errors import StorageError
from forgelm.base.folder_swap import recover_folder, replace_folder

OLD = {"a": b"old", "b": b"old", "gone": b"old"}
NEW = {"a": b"new", "b": b"new", "c": b"new"}


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_new_set_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    replace_folder(folder, OLD)
    assert replace_folder(folder, NEW) == tuple(folder / name for name in NEW)
    assert read(folder) == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


def test_a_file_that_cannot_be_written_leaves_the_old_set(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    replace_folder(folder, OLD)
    with pytest.raises(StorageError):
        replace_folder(folder, {**NEW, "no/such/folder": b"new"})
    assert read(folder) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


@pytest.mark.parametrize("left", ["nothing", "half of the new set", "both whole sets", "no folder", "everything"])
def test_what_a_kill_left_becomes_one_whole_set(tmp_path: Path, left: str) -> None:
    folder, new, old = tmp_path / "documents", tmp_path / ".documents.new", tmp_path / ".documents.old"
    replace_folder(folder, OLD)
    if left == "half of the new set":
        new.mkdir()
        (new / "a").write_bytes(b"new")
    elif left == "both whole sets":
        folder.rename(old)
        replace_folder(new, NEW)
        new.rename(folder)
    elif left in ("no folder", "everything"):
        replace_folder(new, NEW)
        folder.rename(old)
    recover_folder(folder)
    assert read(folder) == (NEW if left == "both whole sets" else OLD)
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_kills_while_replacing(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    script = (
        "import sys; from pathlib import Path; from forgelm.base.folder_swap import replace_folder\n"
        "print('ready', flush=True)\n"
        "for turn in range(10**6):\n"
        "    replace_folder(Path(sys.argv[1]), {name: str(turn).encode() for name in 'abcdefgh'})\n"
    )
    for delay in (0.0, 0.003, 0.007, 0.011, 0.02):
        child = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(0.02 + delay)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        child.stdout.close()
        recover_folder(folder)
        if folder.exists():
            assert len(set(read(folder).values())) == 1
            assert len(read(folder)) == 8
