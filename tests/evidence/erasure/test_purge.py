"""A row or a run's files go, on the record and in one piece, and what else holds them is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold, kill_at
from support import sections

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.journal import finish_erasures
from forgelm.evidence.erasure.purge import (
    MultiMatchRefused,
    NoMatchingArtefacts,
    NoMatchingRow,
    PathTraversalRefused,
    PurgeKind,
    RowOrder,
    purge_row,
    purge_run,
)
from forgelm.evidence.subjects import SubjectKeys
from forgelm.publish.approvals import list_pending
from forgelm.publish.decide import approve_run, reject_run

ROWS = b'{"id": "a", "t": "one"}\r\n{"id": "ada@x.org", "t": "two"}\r\n{"id": "c", "t": "three"}'
LEFT = b'{"id": "a", "t": "one"}\r\n{"id": "c", "t": "three"}'
EVENTS = (Event.ERASURE_REQUESTED, Event.ERASURE_COMPLETED, Event.ERASURE_FAILED)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS)
    return path


def order(corpus: Path, **changes: Any) -> RowOrder:
    return RowOrder(**{"row_id": "ada@x.org", "corpus": str(corpus)} | changes)


def events(folder: Path) -> list[str]:
    return [entry.event.removeprefix("data.erasure_") for entry in read_entries(folder / "audit_log.jsonl", EVENTS)]


def test_a_row_goes_and_the_log_names_nobody(corpus: Path) -> None:
    done = purge_row(order(corpus, justification="Ada Lovelace, ada@x.org, asked"))
    assert corpus.read_bytes() == LEFT
    assert (done.matches, done.first_line, done.bytes_freed, done.salt_source) == (1, 2, 33, "per_dir")
    log = corpus.parent / "audit_log.jsonl"
    assert b"ada@x" not in log.read_bytes()
    requested, completed = read_entries(log, EVENTS)
    assert requested.fields["target_id"] == done.row_id_hash == completed.fields["target_id"]
    wanted = {"target_kind": "row", "bytes_freed": 33, "pre_erasure_line_number": 2, "match_count": 1, "dry_run": False}
    assert wanted.items() <= dict(completed.fields).items()
    verified = verify_audit_log(str(log))
    assert (verified.valid, verified.state) == (True, "closed")


def test_destroying_the_key_erases_the_person_from_a_log_that_still_holds(corpus: Path) -> None:
    done = purge_row(order(corpus, destroy_key=True))
    assert done.key_destroyed
    keys = SubjectKeys(corpus.parent)
    assert keys.find("ada@x.org") is None
    assert keys.commit("ada@x.org").digest != done.row_id_hash
    assert verify_audit_log(str(corpus.parent / "audit_log.jsonl")).valid
    (entry,) = read_entries(corpus.parent / "audit_log.jsonl", [Event.SUBJECT_KEY_DESTROYED])
    assert entry.fields["subject"]


def test_a_dry_run_asks_on_the_record_and_touches_nothing(corpus: Path) -> None:
    done = purge_row(order(corpus, dry_run=True, destroy_key=True))
    assert (done.bytes_freed, done.key_destroyed) == (None, False)
    assert corpus.read_bytes() == ROWS
    assert events(corpus.parent) == ["requested", "completed"]


def test_no_row_and_several_are_refused_without_saying_whose(corpus: Path) -> None:
    with pytest.raises(NoMatchingRow) as missing:
        purge_row(order(corpus, row_id="bob@x.org"))
    corpus.write_bytes(ROWS + b'\n{"id": "ada@x.org"}\n')
    with pytest.raises(MultiMatchRefused, match=r"2 rows have that id \(lines 2, 4\)"):
        purge_row(order(corpus))
    assert "bob" not in str(missing.value)
    failed = list(read_entries(corpus.parent / "audit_log.jsonl", [Event.ERASURE_FAILED]))
    assert [entry.fields["error_class"] for entry in failed] == ["NoMatchingRow", "MultiMatchRefused"]
    assert purge_row(order(corpus, every_match=True)).lines == (2, 4)
    assert corpus.read_bytes() == LEFT + b"\n"
    with pytest.raises(ConfigError, match="empty"):
        purge_row(order(corpus, row_id=" "))


def test_where_copies_may_be_is_said_and_logged(corpus: Path) -> None:
    hold(corpus.parent / "run")
    root = corpus.parent / "run"
    approve_run(str(root), RUN)
    (root / "synthetic_data_1.jsonl").write_text("{}")
    os.link(corpus, corpus.parent / "other_name.jsonl")
    done = purge_row(order(corpus, output_dir=str(root), every_match=True))
    for word in ("may have learnt", "synthetic_data_1.jsonl", "hard links", "backups"):
        assert any(word in warning for warning in done.warnings), word
    assert events(root)[-2:] == ["requested", "completed"]
    warned = (Event.ERASURE_WARNING_MEMORISATION, Event.ERASURE_WARNING_SYNTHETIC)
    assert [entry.event for entry in read_entries(root / "audit_log.jsonl", warned)] == list(warned)


def test_a_purge_that_is_killed_anywhere_happened_or_did_not(tmp_path: Path) -> None:
    step, finished, outcomes = 0, False, set()
    while not finished:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()
        corpus = folder / "rows.jsonl"
        corpus.write_bytes(ROWS)
        finished = not kill_at(folder, step, lambda: purge_row(order(corpus)))  # noqa: B023
        finish_erasures(RunFiles(folder))
        data, told = corpus.read_bytes(), events(folder) if (folder / "audit_log.jsonl").exists() else []
        assert data in (ROWS, LEFT)
        assert told in ([], ["requested", "failed"] if data == ROWS else ["requested", "completed"])
        assert list(folder.glob(".rows*")) == []
        assert not told or verify_audit_log(str(folder / "audit_log.jsonl")).valid
        outcomes.add(tuple(told))
        if data == ROWS:
            purge_row(order(corpus))
            assert corpus.read_bytes() == LEFT
    assert outcomes == {(), ("requested", "failed"), ("requested", "completed")}


def test_what_waits_was_refused_or_is_final_can_be_erased(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    would = purge_run(str(files.root), RUN, PurgeKind.STAGING, dry_run=True)
    assert (would.paths, files.staging(RUN).exists()) == ((f"final_model.staging.{RUN}",), True)
    done = purge_run(str(files.root), RUN, PurgeKind.STAGING, justification="asked")
    assert (done.paths, done.bytes_freed) == (would.paths, would.bytes_freed)
    assert not files.staging(RUN).exists()
    assert [model.staging_exists for model in list_pending(str(files.root))] == [False]
    hold(files.root, "fg-2")
    reject_run(str(files.root), "fg-2")
    assert purge_run(str(files.root), "fg-2", PurgeKind.STAGING).paths == ("quarantine/fg-2",)
    hold(files.root, "fg-3")
    approve_run(str(files.root), "fg-3")
    assert purge_run(str(files.root), "fg-3", PurgeKind.MODEL).paths == ("final_model",)
    assert purge_run(str(files.root), "fg-2", PurgeKind.ARTEFACTS).paths == ("review/fg-2",)
    assert purge_run(str(files.root), "fg-3", PurgeKind.ARTEFACTS).paths == ("compliance", "review/fg-3")
    assert files.review(RUN).exists()
    assert verify_audit_log(str(files.audit_log)).valid


@pytest.mark.parametrize("kind", PurgeKind)
@pytest.mark.parametrize(
    ("run_id", "error"), [("fg-9", NoMatchingArtefacts), ("../..", PathTraversalRefused), ("a/b", PathTraversalRefused)]
)
def test_what_is_not_there_or_outside_is_refused_on_the_record(
    kind: PurgeKind, run_id: str, error: type[ConfigError], tmp_path: Path
) -> None:
    files = hold(tmp_path / "run")
    with pytest.raises(error):
        purge_run(str(files.root), run_id, kind)
    (failed,) = read_entries(files.audit_log, [Event.ERASURE_FAILED])
    assert failed.fields["error_class"] == error.__name__
    with pytest.raises(ConfigError, match="there is no folder"):
        purge_run(str(tmp_path / "nowhere"), RUN, kind)


def test_a_row_of_a_corpus_nobody_trained_on_is_said_to_be_that(corpus: Path) -> None:
    impact = json.loads(json.dumps(purge_row(order(corpus)).impact.as_record()))
    assert (impact["affected_run_ids"], impact["runs_looked_through"]) == ([], 0)
    assert "no run here recorded its rows" in impact["not_known"]


def test_who_was_sent_messages_is_said_and_logged(corpus: Path, tmp_path: Path) -> None:
    webhook = {"url": "https://hooks.example.org/secret-path"}
    done = purge_row(order(corpus), ForgeConfig(**sections(corpus, tmp_path / "run", webhook=webhook)))
    assert any("https://hooks.example.org" in warning for warning in done.warnings)
    log = corpus.parent / "audit_log.jsonl"
    (told,) = read_entries(log, [Event.ERASURE_WARNING_COPIES])
    assert told.fields["webhook_targets"] == ["https://hooks.example.org"]
    assert b"secret-path" not in log.read_bytes()
