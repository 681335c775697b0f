"""Saving: a folder is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import SafetensorError

from forgelm.base.errors import StorageError
from forgelm.train.save import whole_folder


def write_half(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "half").write_text("x")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left"),
        RuntimeError("PytorchStreamWriter failed writing file data/1: file write failed"),
    ],
)
def test_a_failed_write_is_a_storage_error_and_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    folder = tmp_path / "model"
    with pytest.raises(StorageError, match="could not write"), whole_folder(folder):
        write_half(folder)
        raise error
    assert not folder.exists()


def test_other_errors_keep_their_name_and_leave_nothing_either(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with pytest.raises(RuntimeError, match="shape mismatch"), whole_folder(folder):
        write_half(folder)
        raise RuntimeError("shape mismatch")
    assert not folder.exists()


def test_what_was_written_stays(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "model"):
        write_half(tmp_path / "model")
    assert (tmp_path / "model" / "half").read_text() == "x"
