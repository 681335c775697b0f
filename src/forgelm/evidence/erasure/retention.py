"""Finds what in a run folder is older than it may be, deletes refused models that are, and holds a run to the rest."""

from __future__ import annotations

import contextlib
import glob
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from forgelm.base.decision_lock import decision_lock
from forgelm.base.errors import ConfigError
from forgelm.base.events import Emit, Event
from forgelm.base.files import RunFiles
from forgelm.config.data import DataConfig
from forgelm.config.retention import Enforcement, RetentionConfig
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.journal import erase_folders, erasing, report_completed
from forgelm.evidence.line import read_entry

_log = logging.getLogger(__name__)
_DAY = 86400
_EPHEMERAL = ("checkpoint-*", "compliance", "review/*", "superseded/*", "data_audit_report.json", "safety", "judge")
_DOCUMENTS = frozenset({".pdf", ".docx", ".epub", ".txt", ".md"})
_QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Overdue:
    """One thing older than it may be. ``age_source`` says what its age was read from: the log, or the file's time."""

    artefact_kind: str
    path: str
    age_days: float
    horizon_days: int
    age_source: str


def find_overdue(
    files: RunFiles, rules: RetentionConfig, *, documents: Iterable[Path] = (), now: datetime | None = None
) -> tuple[Overdue, ...]:
    """Return what is older than ``rules`` allow: log, staged and quarantined models, derived files, ``documents``.

    Raises:
        OSError: the log cannot be read.
    """
    moment = now or datetime.now(UTC)
    found: list[Overdue] = []
    for kind, path, began, source in _artefacts(files, documents):
        horizon = _horizon(rules, kind)
        age = (moment - began).total_seconds() / _DAY
        if horizon and age > horizon:
            found.append(Overdue(kind, str(path), round(age, 2), horizon, source))
    return tuple(found)


def enforce_retention(files: RunFiles, rules: RetentionConfig | None, data: DataConfig, emit: Emit) -> None:
    """Hold a run that is about to train to ``rules``: delete quarantined models that are too old, report the rest.

    Raises:
        ConfigError: something is too old and ``enforce`` is ``block_on_excess``.
        StorageError: a quarantined model could not be deleted.
    """
    if rules is None:
        return
    overdue = find_overdue(files, rules, documents=raw_documents(data))
    aged = [one for one in overdue if one.artefact_kind == _QUARANTINE]
    for one in aged:
        _delete(files, one, emit)
    left = [one for one in overdue if one not in aged]
    if not left:
        return
    emit(Event.RETENTION_EXCEEDED, enforce=rules.enforce, violations=[asdict(one) for one in left])
    said = [f"{one.artefact_kind} {one.path}: {one.age_days:.0f} days, allowed {one.horizon_days}" for one in left]
    if rules.enforce is Enforcement.BLOCK:
        raise ConfigError(
            f"kept for longer than the section retention allows: {'; '.join(said)}",
            hint="delete it ('forgelm purge'), or change the section; enforce: block_on_excess refuses to train",
        )
    if rules.enforce is Enforcement.WARN:
        for line in said:
            _log.warning("kept for longer than the section retention allows: %s", line)


def raw_documents(data: DataConfig) -> tuple[Path, ...]:
    """Return the documents among the local files that a run of this section trains on."""
    names = (data.dataset_name_or_path, *(data.extra_datasets or ()))
    places = [place for name in names for place in (Path(name), *sorted(Path(name).rglob("*")))]
    return tuple(place for place in places if place.suffix.lower() in _DOCUMENTS and place.is_file())


def _delete(files: RunFiles, one: Overdue, emit: Emit) -> None:
    path = Path(one.path)
    fields = {
        "target_kind": _QUARANTINE,
        "target_id": path.name,
        "output_dir": str(files.root),
        "paths": [path.relative_to(files.root).as_posix()],
    }
    why = f"retention.staging_ttl_days: {one.horizon_days}"
    with decision_lock(files), erasing(emit, fields, justification=why, dry_run=False) as erasure:
        freed, removed = erase_folders(files, erasure)
    report_completed(emit, erasure, bytes_freed=freed, files_modified=removed)


def _horizon(rules: RetentionConfig, kind: str) -> int:
    return {
        "audit_log": rules.audit_log_retention_days,
        "staging": rules.staging_ttl_days,
        _QUARANTINE: rules.staging_ttl_days,
        "ephemeral": rules.ephemeral_artefact_retention_days,
        "raw_documents": rules.raw_documents_retention_days,
    }[kind]


def _artefacts(files: RunFiles, documents: Iterable[Path]) -> Iterator[tuple[str, Path, datetime, str]]:
    log = files.audit_log
    asked: dict[str, str] = {}
    if log.is_file():
        yield "audit_log", log, *_began(log)
        events = (Event.HUMAN_APPROVAL_REQUIRED, Event.MODEL_QUARANTINED)
        asked = {entry.run_id: entry.timestamp for entry in read_entries(log, events)}
    prefix = f"{files.final_model_dir}.staging."
    for path in sorted(files.root.glob(f"{glob.escape(prefix)}*")):
        yield "staging", path, *_since(asked.get(path.name.removeprefix(prefix)), path)
    for path in sorted((files.root / _QUARANTINE).glob("*")):
        yield _QUARANTINE, path, *_since(asked.get(path.name), path)
    for pattern in _EPHEMERAL:
        for path in sorted(files.root.glob(pattern)):
            yield "ephemeral", path, *_since(None, path)
    for path in documents:
        yield "raw_documents", path, *_since(None, path)


def _began(log: Path) -> tuple[datetime, str]:
    with log.open("rb") as stream:
        first = stream.readline().rstrip(b"\n")
    with contextlib.suppress(ValueError):
        return _since(str(read_entry(first).get("timestamp")), log)
    return _since(None, log)


def _since(stated: str | None, path: Path) -> tuple[datetime, str]:
    if stated:
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(stated).astimezone(UTC), "log"
    parts = (path, *path.rglob("*")) if path.is_dir() else (path,)
    newest = max((part.stat().st_mtime for part in parts if part.is_file()), default=path.stat().st_mtime)
    return datetime.fromtimestamp(newest, UTC), "mtime"
