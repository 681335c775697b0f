"""Folders move whole or not at all, and come back when their successor cannot take their place."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from held import RUN, seal, stage

from forgelm.base.errors import StorageError
from forgelm.base.files import RunFiles
from forgelm.publish.moves import move_to_final, move_to_quarantine, moves_by_rename, remove_copied, seal_of


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system here")
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def test_the_seal_is_the_manifests_digest(files: RunFiles) -> None:
    sealed = stage(files)
    assert seal_of(files.staging(RUN)) == sealed == seal(files.staging(RUN))
    assert seal_of(files.root / "nothing") is None


def test_the_model_before_comes_back_when_its_successor_cannot_be_moved(files: RunFiles) -> None:
    before = stage(files)
    assert move_to_final(files, RUN) is None
    with pytest.raises(StorageError, match="No such file"):
        move_to_final(files, "fg-2")
    assert seal_of(files.final_model) == before


def test_what_a_killed_copy_left_of_the_model_before_is_cleared(files: RunFiles, other_disk: Path) -> None:
    """The model before was copied to another disk whole, and the kill came while its source was removed."""
    before = stage(files)
    move_to_final(files, RUN)
    (files.root / "superseded").symlink_to(other_disk)
    shutil.copytree(files.final_model, files.superseded("fg-2"))
    (files.final_model / "model_integrity.json").unlink()
    after = stage(files, "fg-2")
    assert move_to_final(files, "fg-2") == files.superseded("fg-2")
    assert (seal_of(files.final_model), seal_of(files.superseded("fg-2"))) == (after, before)


def test_a_model_moves_to_quarantine_from_wherever_it_stands(files: RunFiles) -> None:
    sealed = stage(files)
    move_to_final(files, RUN)
    assert seal_of(move_to_quarantine(files, RUN, files.final_model)) == sealed
    assert not files.final_model.exists()


def test_staging_and_final_are_on_one_disk(files: RunFiles) -> None:
    stage(files)
    assert moves_by_rename(files, RUN)
    remove_copied(files.staging(RUN))
    remove_copied(files.staging(RUN))
    assert not files.staging(RUN).exists()
