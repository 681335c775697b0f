"""An erasure is asked for on the record before anything is touched, and one that was cut short is finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from held import RUN, hold, kill_at
from support import Heard

from forgelm.base.errors import StorageError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles, sha256_bytes
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.emit import emit_to
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.journal import (
    UNSAID,
    Erasure,
    erase_folders,
    erasing,
    finish_erasures,
    report_completed,
    size_of,
)
from forgelm.evidence.ledger import AuditLogger


def test_people_named_in_a_justification_do_not_reach_the_log() -> None:
    heard = Heard()
    with erasing(heard, {"target_kind": "row"}, justification="asked by ada@example.org", dry_run=True):
        pass
    fields = heard.fields(Event.ERASURE_REQUESTED)
    assert fields["justification"] == "asked by [REDACTED]"
    assert (fields["target_kind"], fields["dry_run"]) == ("row", True)
    heard = Heard()
    with erasing(heard, {}, justification="", dry_run=False):
        pass
    assert heard.fields(Event.ERASURE_REQUESTED)["justification"] == UNSAID


def test_an_erasure_that_fails_says_so_without_the_data() -> None:
    heard = Heard()
    with (
        pytest.raises(StorageError),
        erasing(heard, {}, justification="", dry_run=False),
    ):
        raise StorageError("the disk of ada@example.org is full " + "x" * 500)
    fields = heard.fields(Event.ERASURE_FAILED)
    assert fields["error_class"] == "StorageError"
    assert "ada@" not in fields["error_message"]
    assert len(fields["error_message"]) == 200


def test_folders_and_files_go_and_are_counted(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one").write_bytes(b"12345")
    (tmp_path / "two").write_bytes(b"123")
    assert size_of(tmp_path / "a") == 5
    erasure = Erasure("e1", {"paths": ["a", "two", "gone"]})
    assert erase_folders(files, erasure) == (8, ["a", "two"])
    assert list(tmp_path.iterdir()) == []


def test_an_erasure_of_folders_that_is_killed_anywhere_is_finished(tmp_path: Path) -> None:
    step, finished, outcomes = 0, False, set()
    while not finished:
        step += 1
        files = hold(tmp_path / f"run-{step}")

        def erase(files: RunFiles = files) -> None:
            logger = AuditLogger(str(files.root), RUN)
            fields = {"target_kind": "staging", "paths": [f"final_model.staging.{RUN}"]}
            emit = emit_to(logger)
            with erasing(emit, fields, justification="", dry_run=False) as erasure:
                erase_folders(files, erasure)
            report_completed(emit, erasure)

        finished = not kill_at(files.root, step, erase)
        recovered = finish_erasures(files)
        events = [
            entry.event for entry in read_entries(files.audit_log, [Event.ERASURE_REQUESTED, Event.ERASURE_COMPLETED])
        ]
        outcomes.add((len(events), bool(recovered)))
        assert len(events) in (0, 2)
        assert files.staging(RUN).exists() == (not events)
        assert verify_audit_log(str(files.audit_log)).valid
        assert finish_erasures(files) == ()
    assert outcomes == {(0, False), (2, True), (2, False)}


@pytest.mark.parametrize(
    ("content", "event", "word"),
    [
        (b"after", Event.ERASURE_COMPLETED, ""),
        (b"before", Event.ERASURE_FAILED, "Interrupted"),
        (b"other", Event.ERASURE_FAILED, "CorpusChanged"),
    ],
)
def test_an_erasure_of_rows_happened_or_did_not(content: bytes, event: Event, word: str, tmp_path: Path) -> None:
    corpus = tmp_path / "rows.jsonl"
    corpus.write_bytes(content)
    partial = tmp_path / ".rows.jsonl.0123456789abcdef.tmp"
    partial.write_bytes(b"half a copy of other people's rows")
    AuditLogger(str(tmp_path)).log_event(
        Event.ERASURE_REQUESTED,
        erasure_id="e1",
        corpus_path=str(corpus),
        corpus_sha256=sha256_bytes(b"before"),
        corpus_sha256_after=sha256_bytes(b"after"),
    )
    assert finish_erasures(RunFiles(tmp_path)) == ("e1",)
    (entry,) = read_entries(tmp_path / "audit_log.jsonl", [event])
    assert (entry.text("error_class"), entry.fields["recovered"]) == (word, True)
    assert not partial.exists()
    assert corpus.read_bytes() == content


def test_a_dry_run_leaves_nothing_to_finish(tmp_path: Path) -> None:
    AuditLogger(str(tmp_path)).log_event(Event.ERASURE_REQUESTED, erasure_id="e1", paths=["x"], dry_run=True)
    assert finish_erasures(RunFiles(tmp_path)) == ()
    assert finish_erasures(RunFiles(tmp_path / "nowhere")) == ()
