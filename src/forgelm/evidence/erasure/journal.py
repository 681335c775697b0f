"""Erasures on the record: asked for before anything is touched, done or failed after; a cut one is finished.

The log is the journal. An erasure of folders is redone; one of rows was a single rename, so it happened or it did not.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.audit.pii.find import mask_pii
from forgelm.base.decision_lock import decision_lock
from forgelm.base.errors import StorageError
from forgelm.base.events import Emit, Event
from forgelm.base.files import RunFiles, sha256_file, storage_errors, sync_folder
from forgelm.base.leftovers import sweep
from forgelm.base.redact import redact_text
from forgelm.data.synthesis.outcome import SynthesisFiles
from forgelm.evidence.emit import on_record
from forgelm.evidence.entries import Entry, read_entries

_log = logging.getLogger(__name__)
_ENDS = (Event.ERASURE_COMPLETED, Event.ERASURE_FAILED)
_LONGEST_MESSAGE = 200
UNSAID = "(operator did not supply --justification)"


@dataclass(frozen=True)
class Erasure:
    """One erasure as the log has it: ``fields`` stand in its first line and are repeated in its last."""

    id: str
    fields: dict[str, Any]


@contextlib.contextmanager
def erasing(emit: Emit, fields: dict[str, Any], *, justification: str, dry_run: bool) -> Iterator[Erasure]:
    """Ask for an erasure on the record; an error inside the block is recorded as its failure and raised again.

    Personal data in ``justification`` is masked: what the log says about people it says as commitments.
    """
    said = redact_text(mask_pii(justification)) or UNSAID
    erasure = Erasure(secrets.token_hex(8), {**fields, "justification": said, "dry_run": dry_run})
    emit(Event.ERASURE_REQUESTED, erasure_id=erasure.id, **erasure.fields)
    try:
        yield erasure
    except BaseException as error:
        # The log may be what cannot be written; the error that ended the erasure matters more.
        with contextlib.suppress(OSError):
            if _has_happened(erasure):
                report_completed(emit, erasure)
            else:
                report_failure(emit, erasure, type(error).__name__, str(error))
        raise


def report_completed(emit: Emit, erasure: Erasure, **more: Any) -> None:
    emit(Event.ERASURE_COMPLETED, erasure_id=erasure.id, **{**erasure.fields, **more})


def report_failure(emit: Emit, erasure: Erasure, error_class: str, message: str, **more: Any) -> None:
    emit(
        Event.ERASURE_FAILED,
        erasure_id=erasure.id,
        **erasure.fields,
        error_class=error_class,
        error_message=redact_text(mask_pii(message))[:_LONGEST_MESSAGE],
        **more,
    )


def erase_folders(files: RunFiles, erasure: Erasure) -> tuple[int, list[str]]:
    """Delete the folders and files the erasure names below the run folder; return the bytes freed, and what was there.

    Raises:
        StorageError: something could not be deleted; it can be tried again.
    """
    freed, removed = 0, []
    for name in erasure.fields["paths"]:
        path = files.root / name
        if ".." in path.parts or not path.is_relative_to(files.root):
            raise StorageError(f"{path} is not in the run folder and was not touched")
        if not os.path.lexists(path):
            continue
        freed += size_of(path)
        with storage_errors(str(path)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            sync_folder(path.parent)
        removed.append(name)
    return freed, removed


def size_of(path: Path) -> int:
    """Return the bytes that the file, or the files below the folder, have."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(part.lstat().st_size for part in path.rglob("*") if part.is_symlink() or not part.is_dir())


def finish_erasures(files: RunFiles) -> tuple[str, ...]:
    """Finish or take back what a killed command left of its erasures; return their ids.

    Raises:
        StorageError, IntegrityError, ConfigError: something cannot be deleted, or the log cannot be written.
    """
    if not files.audit_log.is_file() or not _open_erasures(files.audit_log):
        return ()
    with decision_lock(files):
        return finish_erasures_locked(files)


def finish_erasures_locked(files: RunFiles) -> tuple[str, ...]:
    """``finish_erasures`` for a caller that holds the lock, which every erasure under way holds."""
    finished = []
    if not files.audit_log.is_file():
        return ()
    for entry in _open_erasures(files.audit_log):
        erasure = Erasure(entry.text("erasure_id"), _fields_of(entry))
        with on_record(files.root, entry.run_id, recovered=True) as emit:
            if "paths" in erasure.fields:
                freed, removed = erase_folders(files, erasure)
                report_completed(emit, erasure, bytes_freed=freed, files_modified=removed)
            else:
                _settle_rows(erasure, emit)
        _log.warning("finished the erasure %s, which was cut short", erasure.id)
        finished.append(erasure.id)
    return tuple(finished)


def _settle_rows(erasure: Erasure, emit: Emit) -> None:
    corpus = Path(str(erasure.fields.get("corpus_path")))
    files = SynthesisFiles(corpus)
    for written in (corpus, files.replies, files.provenance):
        sweep(written)
    # The log calls the erasure ended next, and after that nobody sweeps again: no power cut may bring anything back.
    if corpus.parent.is_dir():
        sync_folder(corpus.parent)
    if _has_happened(erasure):
        report_completed(emit, erasure, files_modified=[str(corpus)])
    elif corpus.is_file() and sha256_file(corpus) == erasure.fields.get("corpus_sha256"):
        report_failure(emit, erasure, "Interrupted", "the command was killed before the row was erased")
    else:
        report_failure(emit, erasure, "CorpusChanged", "the corpus changed while the erasure was cut short")


def _has_happened(erasure: Erasure) -> bool:
    """Return whether the corpus is what it was to be without the rows."""
    wanted, corpus = erasure.fields.get("corpus_sha256_after"), Path(str(erasure.fields.get("corpus_path")))
    return bool(wanted) and corpus.is_file() and sha256_file(corpus) == wanted


def _open_erasures(log: Path) -> list[Entry]:
    found: dict[str, Entry] = {}
    for entry in read_entries(log, (Event.ERASURE_REQUESTED, *_ENDS)):
        name = entry.text("erasure_id")
        if entry.event in _ENDS:
            found.pop(name, None)
        elif name and entry.fields.get("dry_run") is not True:
            found[name] = entry
    return list(found.values())


def _fields_of(entry: Entry) -> dict[str, Any]:
    envelope = {"timestamp", "run_id", "operator", "event", "prev_hash", "seq", "_hmac", "erasure_id"}
    return {name: value for name, value in entry.fields.items() if name not in envelope}
