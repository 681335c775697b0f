"""Moves a staged model to where its verdict, or a person, sends it. The only place that makes a model final.

The log is the journal: the decision is on disk before anything moves, and what became of it after. Whatever a kill
leaves between the two, ``settle`` finishes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from forgelm.base.decision_lock import decision_lock
from forgelm.base.errors import ConfigError
from forgelm.base.events import Emit, Event
from forgelm.base.files import INTEGRITY_FILE, RunFiles, make_folder, write_json
from forgelm.evidence.emit import on_record
from forgelm.evidence.entries import Entry, read_entries
from forgelm.evidence.inventory import require_intact, verify_integrity
from forgelm.gate.verdict import Verdict
from forgelm.publish.moves import move_to_final, move_to_quarantine, remove_copied, seal_of

_log = logging.getLogger(__name__)
_TO_FINAL = (Event.MODEL_PROMOTION_DECIDED, Event.HUMAN_APPROVAL_GRANTED)
_TO_QUARANTINE = (Event.MODEL_REVERTED, Event.HUMAN_APPROVAL_REJECTED, Event.HUMAN_APPROVAL_REVOKED)
_DONE = (Event.MODEL_PROMOTED, Event.MODEL_QUARANTINED, Event.MODEL_MISSING)


class Disposition(StrEnum):
    """Where a model went."""

    PROMOTED = "promoted"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True)
class Published:
    """``path`` is where the model stands now; ``superseded`` where the one it replaced was put."""

    disposition: Disposition
    path: Path
    superseded: Path | None = None


@dataclass(frozen=True)
class Intent:
    """A decision that the log holds and that is still to be carried out on the model with the seal ``model_root``."""

    event: Event
    run_id: str
    model_root: str
    final_model_dir: str
    record: Mapping[str, Any]

    @property
    def promotes(self) -> bool:
        return self.event in _TO_FINAL


def choose_disposition(verdict: Verdict, *, auto_revert: bool, require_human_approval: bool) -> Disposition:
    """Return where a model with this verdict goes. Pure.

    Without ``auto_revert`` a failed model keeps its place, marked as failed in card, manifest and log. What the gates
    could not decide waits for a person.
    """
    if verdict.failed and auto_revert:
        return Disposition.REFUSED
    return Disposition.HELD if require_human_approval or verdict.undecided else Disposition.PROMOTED


def promote(files: RunFiles, run_id: str, verdict: Verdict, disposition: Disposition, emit: Emit) -> Published:
    """Carry out ``disposition`` for the sealed model that ``run_id`` staged, on the record.

    Raises:
        IntegrityError: the staged model is not what was sealed; nothing was moved.
        StorageError: the folder could not be moved; the staged model is still in staging, a model that stood in the
            final place still stands there, and the next command in the folder tries again.
    """
    if disposition is Disposition.HELD:
        return Published(disposition, files.staging(run_id))
    refused = disposition is Disposition.REFUSED
    if not refused and files.staging(run_id).exists():
        require_intact(files.staging(run_id))
    root = seal_of(files.staging(run_id)) or ""
    record: dict[str, Any] = {"model_root": root, "final_model_dir": files.final_model_dir}
    if refused:
        reason = verdict.failures[0].source or "evaluation"
        record |= {"reason": reason, "detail": verdict.reason, "verdict": verdict.as_record()}
    else:
        record |= {"gates_passed": verdict.passed}
    event = Event.MODEL_REVERTED if refused else Event.MODEL_PROMOTION_DECIDED
    with decision_lock(files):
        emit(event, **record)
        return carry_out(files, Intent(event, run_id, root, files.final_model_dir, record), emit)


def carry_out(files: RunFiles, intent: Intent, emit: Emit) -> Published:
    """Do what the log says was decided, from wherever an earlier attempt stopped. The caller holds the lock.

    Raises:
        StorageError: a folder could not be moved; it can be tried again.
        ConfigError: the model is nowhere in the folder, which is then on the record.
    """
    files = replace(files, final_model_dir=intent.final_model_dir)
    return _finalise(files, intent, emit) if intent.promotes else _quarantine(files, intent, emit)


def settle(files: RunFiles) -> tuple[str, ...]:
    """Finish every decision that a killed command left half carried out; return the runs they are about.

    A model whose bytes changed meanwhile does not become final: it goes to quarantine, with the reason on the record.

    Raises:
        StorageError, IntegrityError, ConfigError: a model cannot be moved, or the log cannot be written.
    """
    if not files.audit_log.is_file() or not any(_open_intents(files.audit_log)):
        return ()
    with decision_lock(files):
        return settle_locked(files)


def settle_locked(files: RunFiles) -> tuple[str, ...]:
    """``settle`` for a caller that holds the lock."""
    settled = []
    for intent in _open_intents(files.audit_log):
        with on_record(files.root, intent.run_id) as emit:
            try:
                carry_out(files, _unless_changed(files, intent), emit)
            except ConfigError as error:
                _log.warning("%s", error.message)
        _log.warning("finished what was decided about the model of run %s and not carried out", intent.run_id)
        settled.append(intent.run_id)
    return tuple(settled)


def _finalise(files: RunFiles, intent: Intent, emit: Emit) -> Published:
    staging, final = files.staging(intent.run_id), files.final_model
    if seal_of(final) == intent.model_root:
        remove_copied(staging)
        aside = files.superseded(intent.run_id)
        superseded = aside if aside.exists() else None
    elif staging.is_dir():
        superseded = move_to_final(files, intent.run_id)
    else:
        raise _missing(files, intent, emit)
    emit(
        Event.MODEL_PROMOTED,
        path=final.name,
        gates_passed=intent.record.get("gates_passed"),
        superseded=superseded.relative_to(files.root).as_posix() if superseded else None,
        model_root=intent.model_root,
    )
    return Published(Disposition.PROMOTED, final, superseded)


def _quarantine(files: RunFiles, intent: Intent, emit: Emit) -> Published:
    folder, staging = files.quarantine(intent.run_id), files.staging(intent.run_id)
    target = folder / files.final_model_dir
    if not target.exists():
        source = _find(files, intent)
        if source is None:
            raise _missing(files, intent, emit)
        make_folder(folder)
        reverted = "verdict" in intent.record
        write_json(
            folder / ("verdict.json" if reverted else "decision.json"),
            intent.record["verdict"] if reverted else {"event": intent.event, **intent.record},
        )
        move_to_quarantine(files, intent.run_id, source)
    elif staging.is_dir():
        remove_copied(staging)
    reason = intent.record.get("reason") or intent.record.get("comment") or ""
    emit(
        Event.MODEL_QUARANTINED,
        path=target.relative_to(files.root).as_posix(),
        reason=reason,
        model_root=intent.model_root,
    )
    return Published(Disposition.REFUSED, target)


def _find(files: RunFiles, intent: Intent) -> Path | None:
    """Return where the model stands: staged, final, or set aside for a later one."""
    staging = files.staging(intent.run_id)
    if staging.is_dir():
        return staging
    places = [files.final_model, *sorted((files.root / "superseded").glob("*"))]
    return next((place for place in places if intent.model_root and seal_of(place) == intent.model_root), None)


def _missing(files: RunFiles, intent: Intent, emit: Emit) -> ConfigError:
    emit(Event.MODEL_MISSING, model_root=intent.model_root, decided=intent.event)
    return ConfigError(
        f"the model of run {intent.run_id} is not in {files.root}: it was moved or deleted",
        hint="the log says so now; train again, or restore the folder and decide about it anew",
    )


def _unless_changed(files: RunFiles, intent: Intent) -> Intent:
    """Return ``intent``, or its opposite when the staged model is no longer what was decided about."""
    files = replace(files, final_model_dir=intent.final_model_dir)
    staging = files.staging(intent.run_id)
    if not intent.promotes or not staging.is_dir() or seal_of(files.final_model) == intent.model_root:
        return intent
    if seal_of(staging) != intent.model_root:
        changed: tuple[str, ...] = (INTEGRITY_FILE,)
    else:
        found = verify_integrity(str(staging))
        changed = (*found.changed, *found.removed, *found.added)
    if not changed:
        return intent
    return replace(
        intent, event=Event.MODEL_REVERTED, record={"reason": f"changed after the decision: {', '.join(changed)}"}
    )


def _open_intents(log: Path) -> Iterator[Intent]:
    """Yield the decisions whose outcome the log does not hold, oldest first."""
    open_now: dict[str, Entry] = {}
    final: set[str] = set()
    for entry in read_entries(log, (*_TO_FINAL, *_TO_QUARANTINE, *_DONE)):
        if entry.event in _DONE:
            open_now.pop(entry.run_id, None)
            final |= {entry.run_id} if entry.event == Event.MODEL_PROMOTED else set()
        elif entry.text("model_root") and (entry.event != Event.HUMAN_APPROVAL_REVOKED or entry.run_id in final):
            open_now[entry.run_id] = entry
    for run_id, entry in open_now.items():
        yield Intent(
            Event(entry.event),
            run_id,
            entry.text("model_root"),
            entry.text("final_model_dir") or RunFiles.final_model_dir,
            {name: value for name, value in entry.fields.items() if name not in ("prev_hash", "seq", "_hmac", "event")},
        )
