"""A checkpoint is whole or not there; every change to it is found; another training's is refused by its differences."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError
from forgelm.train.seal import SEAL, broken_seal, check_identity, read_identity, sealed_checkpoint

IDENTITY = {"training.seed": 42, "training rows": "4 rows", "model revision": None}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint-3"
    with sealed_checkpoint(folder, IDENTITY) as written:
        fill(written)
        assert not folder.exists()
    return folder


def fill(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "state.pt").write_bytes(b"state")
    (folder / "weights.safetensors").write_bytes(b"weights")


def test_it_appears_whole_and_nothing_stays_beside_it(checkpoint: Path) -> None:
    assert broken_seal(checkpoint) is None
    assert os.listdir(checkpoint.parent) == ["checkpoint-3"]


def test_one_that_fails_leaves_what_was_there(checkpoint: Path) -> None:
    before = (checkpoint / "weights.safetensors").stat().st_mtime_ns
    with pytest.raises(KeyError), sealed_checkpoint(checkpoint, IDENTITY) as written:
        fill(written)
        raise KeyError
    assert (checkpoint / "weights.safetensors").stat().st_mtime_ns == before
    assert os.listdir(checkpoint.parent) == ["checkpoint-3"]


def test_one_of_the_same_step_is_replaced_whole(checkpoint: Path) -> None:
    with sealed_checkpoint(checkpoint, IDENTITY) as written:
        (written / "only.txt").write_text("new")
    assert broken_seal(checkpoint) is None
    assert {path.name for path in checkpoint.iterdir()} == {"only.txt", SEAL}


def test_what_a_killed_process_left_aside_does_no_harm(checkpoint: Path) -> None:
    (checkpoint.parent / ".writing-checkpoint-3" / "checkpoint-3" / "deep").mkdir(parents=True)
    test_one_of_the_same_step_is_replaced_whole(checkpoint)


def flip(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(b"weightS")


def cut(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(b"weig")


def forge(folder: Path) -> None:
    (folder / SEAL).write_text('{"files": [1]}')


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (flip, "weights.safetensors was changed"),
        (cut, "weights.safetensors has 4 bytes instead of 7"),
        (lambda folder: (folder / "deep" / "state.pt").unlink(), "deep/state.pt is missing"),
        (lambda folder: (folder / "evil.bin").write_text("x"), "evil.bin is not part of it"),
        (lambda folder: (folder / SEAL).unlink(), "was never completed"),
        (lambda folder: (folder / SEAL).write_text("{"), "cannot be read"),
        (forge, "cannot be read"),
    ],
)
def test_every_change_is_found(checkpoint: Path, harm: Callable[[Path], object], reason: str) -> None:
    harm(checkpoint)
    assert reason in str(broken_seal(checkpoint))


def test_a_folder_that_is_none_says_so(tmp_path: Path) -> None:
    assert broken_seal(tmp_path / "gone") == "there is no such folder"


def test_another_trainings_checkpoint_is_refused_with_each_difference(checkpoint: Path) -> None:
    check_identity(checkpoint.name, read_identity(checkpoint), IDENTITY)
    with pytest.raises(ConfigError) as caught:
        check_identity("checkpoint-3", IDENTITY, {"training.seed": 43, "training rows": "4 rows", "lora.r": 8})
    text = str(caught.value)
    assert "training.seed: 42 there, 43 here" in text
    assert "lora.r: None there, 8 here" in text
    assert "training rows" not in text


def test_the_seal_is_readable(checkpoint: Path) -> None:
    seal = json.loads((checkpoint / SEAL).read_text())
    assert set(seal["files"]) == {"deep/state.pt", "weights.safetensors"}
    assert seal["identity"] == IDENTITY
