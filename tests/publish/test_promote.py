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
from held import kill_at
from support import Heard

from forgelm.base.errors import ConfigError, IntegrityError, StorageError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.emit import emit_to
from forgelm.evidence.entries import read_entries
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.ledger import AuditLogger
from forgelm.gate.verdict import GateResult, GateStatus, Verdict
from forgelm.publish.moves import seal_of
from forgelm.publish.promote import Disposition, Published, choose_disposition, promote, settle

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
    write_integrity_manifest(folder)
    return read(folder)


def send(files: RunFiles, run_id: str, verdict: Verdict, disposition: Disposition) -> Published:
    """Promote on the record of a real log."""
    logger = AuditLogger(str(files.root), run_id)
    try:
        return promote(files, run_id, verdict, disposition, emit_to(logger))
    finally:
        logger.close()


def models(files: RunFiles) -> list[str]:
    """Return what lies in the run folder beside log and lock."""
    return sorted(path.name for path in files.root.iterdir() if not path.name.startswith(("audit_log", ".")))


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
    published = send(files, "fg-1", PASSED, Disposition.PROMOTED)
    assert published == Published(Disposition.PROMOTED, files.final_model, superseded=None)
    assert read(files.final_model) == model
    assert models(files) == ["final_model"]


def test_held_stays_in_staging(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    published = send(files, "fg-1", PASSED, Disposition.HELD)
    assert published == Published(Disposition.HELD, files.staging("fg-1"))
    assert models(files) == ["final_model.staging.fg-1"]
    assert read(files.staging("fg-1")) == model


def test_refused_lies_in_quarantine_with_its_verdict(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    published = send(files, "fg-1", FAILED, Disposition.REFUSED)
    assert published == Published(Disposition.REFUSED, files.root / "quarantine" / "fg-1" / "final_model")
    assert read(published.path) == model
    verdict = json.loads((files.quarantine("fg-1") / "verdict.json").read_text())
    assert verdict == json.loads(json.dumps(FAILED.as_record()))
    assert not files.staging("fg-1").exists()
    assert not files.final_model.exists()


def test_a_refused_model_leaves_the_promoted_one_alone(files: RunFiles) -> None:
    first = stage(files, "fg-1")
    send(files, "fg-1", PASSED, Disposition.PROMOTED)
    stage(files, "fg-2")
    send(files, "fg-2", FAILED, Disposition.REFUSED)
    assert read(files.final_model) == first
    assert not (files.root / "superseded").exists()


def test_every_promotion_sets_the_model_before_it_aside(files: RunFiles) -> None:
    made = {}
    for run_id in ("fg-1", "fg-2", "fg-3"):
        made[run_id] = stage(files, run_id)
        published = send(files, run_id, PASSED, Disposition.PROMOTED)
    assert published.superseded == files.superseded("fg-3")
    assert read(files.final_model) == made["fg-3"]
    assert read(files.superseded("fg-3")) == made["fg-2"]
    assert read(files.superseded("fg-2")) == made["fg-1"]


def test_a_file_in_the_final_place_is_set_aside_too(files: RunFiles) -> None:
    model = stage(files, "fg-1")
    files.final_model.write_text("a note of the user")
    published = send(files, "fg-1", PASSED, Disposition.PROMOTED)
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
        send(files, "fg-2", FAILED, disposition)
    assert read(files.staging("fg-2")) == model
    assert read(files.final_model) == {"weights": "the model before"}


def test_a_model_that_changed_after_it_was_sealed_does_not_become_final(files: RunFiles) -> None:
    stage(files, "fg-1")
    (files.staging("fg-1") / "planted").write_text("x")
    with pytest.raises(IntegrityError, match="planted added"):
        send(files, "fg-1", PASSED, Disposition.PROMOTED)
    assert not files.final_model.exists()
    assert (files.staging("fg-1") / "planted").exists()
    assert settle(files) == ()


def test_a_model_that_is_gone_is_put_on_the_record(files: RunFiles) -> None:
    stage(files, "fg-1")
    send(files, "fg-1", PASSED, Disposition.PROMOTED)
    before = read(files.final_model)
    with pytest.raises(ConfigError, match="moved or deleted"):
        send(files, "fg-without-a-staged-model", PASSED, Disposition.PROMOTED)
    assert read(files.final_model) == before
    assert [entry.run_id for entry in read_entries(files.audit_log, [Event.MODEL_MISSING])] == [
        "fg-without-a-staged-model"
    ]
    assert settle(files) == ()


@pytest.mark.parametrize("disposition", [Disposition.PROMOTED, Disposition.REFUSED])
def test_killed_at_any_step_the_next_command_finishes_or_nothing_happened(
    disposition: Disposition, tmp_path: Path
) -> None:
    """After every kill exactly one holds: still staged, or where it belongs and on the record."""
    step, finished = 0, False
    outcomes = set()
    while not finished:
        step += 1
        files = RunFiles(tmp_path / f"{disposition}-{step}")
        old = stage(files, "fg-1")
        send(files, "fg-1", PASSED, Disposition.PROMOTED)
        new = stage(files, "fg-2")
        verdict = PASSED if disposition is Disposition.PROMOTED else FAILED
        finished = not kill_at(files.root, step, lambda: send(files, "fg-2", verdict, disposition))  # noqa: B023
        settle(files)
        promoted = [e.run_id for e in read_entries(files.audit_log, [Event.MODEL_PROMOTED])]
        quarantined = [e.run_id for e in read_entries(files.audit_log, [Event.MODEL_QUARANTINED])]
        assert verify_audit_log(str(files.audit_log)).valid
        place = files.final_model if disposition is Disposition.PROMOTED else files.quarantine("fg-2") / "final_model"
        recorded = "fg-2" in (promoted if disposition is Disposition.PROMOTED else quarantined)
        outcomes.add(recorded)
        if recorded:
            assert read(place) == new
            assert not files.staging("fg-2").exists()
        else:
            assert read(files.staging("fg-2")) == new
        kept = files.superseded("fg-2") if recorded and place == files.final_model else files.final_model
        assert read(kept) == old
        assert settle(files) == ()
    assert outcomes == {False, True}
    assert step > 8


def test_what_was_decided_is_not_carried_out_on_other_bytes(files: RunFiles) -> None:
    stage(files, "fg-1")
    logger = AuditLogger(str(files.root), "fg-1")
    logger.log_event(Event.MODEL_PROMOTION_DECIDED, model_root=seal_of(files.staging("fg-1")), gates_passed=True)
    (files.staging("fg-1") / "adapter_model.safetensors").write_text("weights of somebody")
    assert settle(files) == ("fg-1",)
    assert not files.final_model.exists()
    (entry,) = read_entries(files.audit_log, [Event.MODEL_QUARANTINED])
    assert entry.fields["reason"] == "changed after the decision: adapter_model.safetensors"
    assert settle(files) == ()


def test_the_decision_is_on_the_record_before_anything_moves(files: RunFiles) -> None:
    stage(files, "fg-1")
    heard = Heard()
    promote(files, "fg-1", PASSED, Disposition.PROMOTED, heard)
    assert heard.names() == [Event.MODEL_PROMOTION_DECIDED, Event.MODEL_PROMOTED]
    stage(files, "fg-2")
    heard = Heard()
    promote(files, "fg-2", FAILED, Disposition.REFUSED, heard)
    assert heard.names() == [Event.MODEL_REVERTED, Event.MODEL_QUARANTINED]
    assert heard.fields(Event.MODEL_REVERTED)["reason"] == "threshold"


def test_a_folder_without_a_log_has_nothing_to_settle(tmp_path: Path) -> None:
    assert settle(RunFiles(tmp_path / "nowhere")) == ()


@pytest.mark.parametrize("folder", ["quarantine", "superseded"])
def test_a_folder_on_another_disk(folder: str, files: RunFiles, other_disk: Path) -> None:
    staged, before = stage(files, "fg-2"), {"weights": "the model before"}
    (files.root / folder).symlink_to(other_disk)
    files.final_model.mkdir()
    (files.final_model / "weights").write_text(before["weights"])
    published = send(files, "fg-2", FAILED, Disposition.REFUSED if folder == "quarantine" else Disposition.PROMOTED)
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
        send(files, "fg-2", FAILED, Disposition.REFUSED)
    assert read(files.staging("fg-2")) == staged
    assert [path.name for path in (other_disk / "fg-2").iterdir()] == ["verdict.json"]
