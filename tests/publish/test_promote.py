"""A staged model goes where its verdict sends it; nothing that was there before is ever lost."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from forgelm.base.errors import StorageError
from forgelm.base.files import RunFiles
from forgelm.gate import GateResult, GateStatus, Verdict
from forgelm.publish.promote import Disposition, Published, choose_disposition, promote

PASSED = Verdict((GateResult("loss", GateStatus.PASSED, "validation loss 1.0", 1.0),))
FAILED = Verdict((GateResult("loss", GateStatus.FAILED, "validation loss 3.0 is above 2.0", 3.0, 2.0, "threshold"),))


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "run")


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    if sys.platform != "linux" or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system here")
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def stage(files: RunFiles, run_id: str) -> dict[str, str]:
    """Make the staged model of ``run_id`` and return its content."""
    folder = files.staging(run_id)
    (folder / "parts").mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_text(f"weights of {run_id}")
    (folder / "parts" / "README.md").write_text(f"card of {run_id}")
    return read(folder)


def read(folder: Path) -> dict[str, str]:
    """Return every file below ``folder`` with its content."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("verdict", "auto_revert", "approval", "disposition"),
    [
        (PASSED, False, False, "promoted"),
        (PASSED, True, False, "promoted"),
        (PASSED, False, True, "held"),
        (PASSED, True, True, "held"),
        (FAILED, False, False, "promoted"),
        (FAILED, True, False, "refused"),
        (FAILED, False, True, "held"),
        (FAILED, True, True, "refused"),
    ],
)
def test_where_a_verdict_sends_a_model(verdict: Verdict, auto_revert: bool, approval: bool, disposition: str) -> None:
    assert choose_disposition(verdict, auto_revert=auto_revert, require_human_approval=approval) == disposition


def test_promoted(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    published = promote(files, "fg-1", PASSED, Disposition.PROMOTED)
    assert published == Published(Disposition.PROMOTED, files.final_model, superseded=None)
    assert read(files.final_model) == model
    assert [path.name for path in files.root.iterdir()] == ["final_model"]


def test_held_stays_in_staging(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    published = promote(files, "fg-1", PASSED, Disposition.HELD)
    assert published == Published(Disposition.HELD, files.staging("fg-1"))
    assert read(files.root) == {f"final_model.staging.fg-1/{name}": text for name, text in model.items()}


def test_refused_lies_in_quarantine_with_its_verdict(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    published = promote(files, "fg-1", FAILED, Disposition.REFUSED)
    assert published == Published(Disposition.REFUSED, files.root / "quarantine" / "fg-1" / "final_model")
    assert read(published.path) == model
    verdict = json.loads((files.quarantine("fg-1") / "verdict.json").read_text())
    assert verdict == json.loads(json.dumps(FAILED.as_record()))
    assert not files.staging("fg-1").exists()
    assert not files.final_model.exists()


def test_a_refused_model_leaves_the_promoted_one_alone(files: RunFiles) -> None:
    first = stage(files, "fg-1")
    promote(files, "fg-1", PASSED, Disposition.PROMOTED)
    stage(files, "fg-2")
    promote(files, "fg-2", FAILED, Disposition.REFUSED)
    assert read(files.final_model) == first
    assert not (files.root / "superseded").exists()


def test_every_promotion_sets_the_model_before_it_aside(files: RunFiles) -> None:
    models = {}
    for run_id in ("fg-1", "fg-2", "fg-3"):
        models[run_id] = stage(files, run_id)
        published = promote(files, run_id, PASSED, Disposition.PROMOTED)
    assert published.superseded == files.superseded("fg-3")
    assert read(files.final_model) == models["fg-3"]
    assert read(files.superseded("fg-3")) == models["fg-2"]
    assert read(files.superseded("fg-2")) == models["fg-1"]


def test_a_file_in_the_final_place_is_set_aside_too(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    files.final_model.write_text("a note of the user")
    published = promote(files, "fg-1", PASSED, Disposition.PROMOTED)
    assert read(files.final_model) == model
    assert published.superseded is not None
    assert published.superseded.read_text() == "a note of the user"


@pytest.mark.parametrize("blocked", ["quarantine", "superseded"])
def test_a_move_that_fails_leaves_everything_in_its_place(blocked: str, files: RunFiles) -> None:
    model = stage(files, "fg-2")
    files.final_model.mkdir()
    (files.final_model / "weights").write_text("the model before")
    (files.root / blocked).write_text("a file where a folder must be")
    disposition = Disposition.REFUSED if blocked == "quarantine" else Disposition.PROMOTED
    with pytest.raises(StorageError):
        promote(files, "fg-2", FAILED, disposition)
    assert read(files.staging("fg-2")) == model
    assert read(files.final_model) == {"weights": "the model before"}


def test_the_model_before_comes_back_when_its_successor_cannot_be_moved(files: RunFiles) -> None:
    stage(files, "fg-1")
    promote(files, "fg-1", PASSED, Disposition.PROMOTED)
    before = read(files.final_model)
    with pytest.raises(StorageError, match="No such file"):
        promote(files, "fg-without-a-staged-model", PASSED, Disposition.PROMOTED)
    assert read(files.final_model) == before


@pytest.mark.parametrize("folder", ["quarantine", "superseded"])
def test_a_folder_on_another_disk(folder: str, files: RunFiles, other_disk: Path) -> None:
    staged, before = stage(files, "fg-2"), {"weights": "the model before"}
    (files.root / folder).symlink_to(other_disk)
    files.final_model.mkdir()
    (files.final_model / "weights").write_text(before["weights"])
    published = promote(files, "fg-2", FAILED, Disposition.REFUSED if folder == "quarantine" else Disposition.PROMOTED)
    assert read(published.path) == staged
    assert not files.staging("fg-2").exists()
    if published.superseded:
        assert read(published.superseded) == before
    assert [path.name for path in other_disk.rglob(".*")] == []


def test_a_copy_to_another_disk_that_breaks_off_leaves_no_half_model(files: RunFiles, other_disk: Path) -> None:
    staged = stage(files, "fg-2")
    os.mkfifo(files.staging("fg-2") / "pipe")
    (files.root / "quarantine").symlink_to(other_disk)
    with pytest.raises(StorageError):
        promote(files, "fg-2", FAILED, Disposition.REFUSED)
    assert read(files.staging("fg-2")) == staged
    assert [path.name for path in (other_disk / "fg-2").iterdir()] == ["verdict.json"]
