"""Erases a row from a corpus, or a run's files, on the record; and says what else holds what was erased."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from forgelm.base.decision_lock import decision_lock
from forgelm.base.errors import ConfigError
from forgelm.base.events import Emit, Event
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.evidence.emit import on_record
from forgelm.evidence.erasure.impact import Impact, PersonsRow, models_of, trace_rows
from forgelm.evidence.erasure.journal import (
    Erasure,
    erase_folders,
    erasing,
    finish_erasures_locked,
    report_completed,
    size_of,
)
from forgelm.evidence.erasure.rows import Found, find_rows, remove_rows
from forgelm.evidence.erasure.traces import Trace, erase_beside, find_generated, find_same_text
from forgelm.evidence.subjects import KeyPlace, SubjectKeys


class NoMatchingRow(ConfigError):
    """No row of the corpus has that id."""


class MultiMatchRefused(ConfigError):
    """Several rows have that id, and only one was meant to go."""


class NoMatchingArtefacts(ConfigError):
    """The run left nothing of that kind in the folder."""


class PathTraversalRefused(ConfigError):
    """The run's name leads out of the folder."""


class PurgeKind(StrEnum):
    """What of a run is erased: the model that waits or was refused, the run's documents, or every model of it."""

    STAGING = "staging"
    ARTEFACTS = "artefacts"
    MODEL = "model"


@dataclass(frozen=True)
class RowOrder:
    """One row to erase. ``runs`` are folders of runs to look through; ``received`` is the day the person asked."""

    row_id: str
    corpus: str
    output_dir: str | None = None
    every_match: bool = False
    justification: str = ""
    dry_run: bool = False
    destroy_key: bool = False
    runs: tuple[str, ...] = ()
    received: date | None = None


@dataclass(frozen=True)
class RowPurge:
    """What became of it. ``row_id_hash`` is the commitment to the row's id in the log; ``rule`` says how ids matched.

    ``bytes_freed`` is ``None`` on a dry run. ``warnings`` are sentences for a person.
    """

    row_id_hash: str
    salt_source: KeyPlace
    corpus_path: str
    matches: int
    first_line: int
    lines: tuple[int, ...]
    rule: str
    dry_run: bool
    bytes_freed: int | None
    warnings: tuple[str, ...]
    impact: Impact
    key_destroyed: bool = False


@dataclass(frozen=True)
class RunPurge:
    """What of a run was erased, or would be: paths below the run folder."""

    run_id: str
    kind: PurgeKind
    dry_run: bool
    paths: tuple[str, ...]
    bytes_freed: int


def purge_row(order: RowOrder, config: ForgeConfig | None = None) -> RowPurge:
    """Erase the rows of a corpus that have an id, and say which runs saw them.

    The log gets a commitment to the id under a key of its own, asked for before the corpus is touched. The corpus is
    replaced in one step; every other byte stays. What a killed command left is settled first.

    Raises:
        ConfigError: no row, several where one is meant (``NoMatchingRow``, ``MultiMatchRefused``), or no such corpus.
        StorageError: it could not be written; nothing was erased.
    """
    corpus = Path(order.corpus)
    root = Path(order.output_dir).absolute() if order.output_dir else corpus.absolute().parent
    if not order.row_id.strip():
        raise ConfigError("the row id is empty", hint="--row-id ID")
    found = find_rows(corpus, order.row_id)
    with decision_lock(RunFiles(root)):
        finish_erasures_locked(RunFiles(root))
        with on_record(root) as emit:
            return _purge_row(order, found, _Place(root, corpus, config), emit)


def purge_run(
    output_dir: str, run_id: str, kind: PurgeKind, *, justification: str = "", dry_run: bool = False
) -> RunPurge:
    """Erase what a run left of one kind, on the record; a kill on the way is finished by the next command.

    Raises:
        ConfigError: there is nothing of that kind (``NoMatchingArtefacts``), or the name is none of a run.
        StorageError: something could not be deleted; it can be tried again.
    """
    files = RunFiles(Path(output_dir).absolute())
    if not files.root.is_dir():
        raise ConfigError(f"there is no folder {files.root}", hint="name a run's training.output_dir")
    with decision_lock(files):
        finish_erasures_locked(files)
        safe = "/" not in run_id and "\\" not in run_id and ".." not in run_id and "\0" not in run_id
        paths = _paths(files, run_id, kind) if safe else []
        fields = {"target_kind": str(kind), "target_id": run_id, "output_dir": str(files.root), "paths": paths}
        freed = sum(size_of(files.root / path) for path in paths)
        removed: list[str] = []
        with on_record(files.root, run_id) as emit:
            with erasing(emit, fields, justification=justification, dry_run=dry_run) as erasure:
                if not safe:
                    raise PathTraversalRefused("a run's name holds no path", hint="--run-id fg-…")
                if not paths:
                    raise NoMatchingArtefacts(f"run {run_id} left nothing of kind {kind} in {files.root}")
                if not dry_run:
                    freed, removed = erase_folders(files, erasure)
            report_completed(emit, erasure, bytes_freed=0 if dry_run else freed, files_modified=removed)
    return RunPurge(run_id, kind, dry_run, tuple(paths), freed)


@dataclass(frozen=True)
class _Place:
    """Where an erasure of rows happens: the folder of log and keys, the corpus, and what else was configured."""

    root: Path
    corpus: Path
    config: ForgeConfig | None


def _purge_row(order: RowOrder, found: Found, place: _Place, emit: Emit) -> RowPurge:
    root, corpus = place.root, place.corpus
    keys = SubjectKeys(root)
    commitment = keys.commit(order.row_id)
    fields: dict[str, Any] = {
        "target_kind": "row",
        "target_id": commitment.digest,
        "subject": commitment.subject,
        "salt_source": keys.place,
        "corpus_path": str(corpus.resolve()),
        "corpus_sha256": found.sha256,
        "corpus_sha256_after": found.sha256_without,
    }
    with erasing(emit, fields, justification=order.justification, dry_run=order.dry_run) as erasure:
        _check_matches(found, every=order.every_match)
        impact = trace_rows(
            [PersonsRow(corpus, row.line, row.value) for row in found.rows],
            [Path(folder) for folder in order.runs or (str(root),)],
            received=order.received or datetime.now(UTC).date(),
        )
        linked = corpus.stat().st_nlink > 1
        beside = [] if order.dry_run else erase_beside(corpus, found.rows)
        if not order.dry_run:
            remove_rows(corpus, found)
    freed = 0 if order.dry_run else sum(row.size for row in found.rows)
    done = {
        "bytes_freed": freed,
        "files_modified": [] if order.dry_run else [*map(str, beside), str(corpus.resolve())],
        "pre_erasure_line_number": found.rows[0].line,
        "match_count": len(found.rows),
    }
    report_completed(emit, erasure, **done)
    warnings = _warn(emit, erasure, done, _Around(root, corpus, found, impact, place.config, linked))
    destroyed = order.destroy_key and not order.dry_run and keys.destroy(order.row_id)
    if destroyed:
        emit(Event.SUBJECT_KEY_DESTROYED, subject=commitment.subject)
    return RowPurge(
        row_id_hash=commitment.digest,
        salt_source=keys.place,
        corpus_path=str(corpus),
        matches=len(found.rows),
        first_line=found.rows[0].line,
        lines=tuple(row.line for row in found.rows),
        rule=found.rule,
        dry_run=order.dry_run,
        bytes_freed=None if order.dry_run else freed,
        warnings=(*warnings, *_unread(found)),
        impact=impact,
        key_destroyed=destroyed,
    )


@dataclass(frozen=True)
class _Around:
    """Where else what was erased may be."""

    root: Path
    corpus: Path
    found: Found
    impact: Impact
    config: ForgeConfig | None
    linked: bool


def _check_matches(found: Found, *, every: bool) -> None:
    if not found.rows:
        unread = f"; {found.unread} of its lines hold no row" if found.unread else ""
        raise NoMatchingRow(f"no row of the corpus has that id{unread}", hint="forgelm reverse-pii names rows")
    if len(found.rows) > 1 and not every:
        lines = ", ".join(str(row.line) for row in found.rows[:5])
        raise MultiMatchRefused(
            f"{len(found.rows)} rows have that id (lines {lines})", hint="look at them; --row-matches all erases all"
        )


def _paths(files: RunFiles, run_id: str, kind: PurgeKind) -> list[str]:
    if kind is PurgeKind.ARTEFACTS:
        places = [files.review(run_id), *([files.compliance] if _is_newest(files, run_id) else [])]
    elif kind is PurgeKind.STAGING:
        places = [*files.root.glob("*.staging.*"), files.quarantine(run_id)]
        places = [path for path in places if path.name == run_id or path.name.endswith(f".staging.{run_id}")]
    else:
        models = [Path(model.path) for model in models_of(files.root, run_id) if model.seal]
        places = [path.parent if path.parent.parent.name == "quarantine" else path for path in models]
    return sorted(path.relative_to(files.root).as_posix() for path in set(places) if os.path.lexists(path))


def _is_newest(files: RunFiles, run_id: str) -> bool:
    """Return whether the documents in ``compliance/`` are this run's."""
    with contextlib.suppress(OSError, ValueError):
        report = json.loads((files.compliance / "compliance_report.json").read_bytes())
        return isinstance(report, dict) and report.get("run_id") == run_id
    return False


def _warn(emit: Emit, erasure: Erasure, done: dict[str, Any], around: _Around) -> Sequence[str]:
    """Say, in the log and to the caller, where copies of what was erased may be."""
    warnings: list[str] = []
    fields = {"erasure_id": erasure.id, **erasure.fields, **done}
    affected = around.impact.affected_run_ids
    if affected or RunFiles(around.root).final_model.exists():
        emit(Event.ERASURE_WARNING_MEMORISATION, **fields, affected_run_ids=affected)
        whose = f"runs {', '.join(affected)}" if affected else "a model in this folder"
        warnings.append(f"{whose} may have learnt the row; erasing it from the corpus does not change a model")
    folders = {around.root, around.corpus.absolute().parent}
    made = find_generated(folders, around.found.rows)
    named = sorted(path.name for path in around.root.glob("synthetic_data*.jsonl"))
    synthetic = [name for name in named if name not in {trace.file.name for trace in made}]
    if made or synthetic:
        emit(Event.ERASURE_WARNING_SYNTHETIC, **fields, synthetic_files=[*(str(t.file) for t in made), *synthetic])
    warnings += [f"a teacher made {_name_lines(trace)} of the row: purge what must go there too" for trace in made]
    warnings += [f"generated data may repeat the row: {', '.join(synthetic)}"] if synthetic else []
    for trace in find_same_text(folders, around.corpus, around.found.rows):
        warnings.append(f"the same text was ingested into {_name_lines(trace)}: purge it with --corpus {trace.file}")
    webhook = getattr(around.config, "webhook", None)
    if webhook is not None:
        parts = urlsplit(webhook.url or "")
        target = f"{parts.scheme}://{parts.hostname}" if parts.hostname else f"${webhook.url_env}"
        emit(Event.ERASURE_WARNING_COPIES, **fields, webhook_targets=[target])
        warnings.append(f"notifications were sent to {target}; what they said is there still")
    if around.linked:
        warnings.append("the corpus has other names (hard links), which still hold the row")
    warnings.append("backups and copies of the corpus still hold the row")
    return warnings


def _name_lines(trace: Trace) -> str:
    return f"{trace.file}, line {', '.join(map(str, trace.lines))}"


def _unread(found: Found) -> list[str]:
    return [f"{found.unread} lines of the corpus hold no JSON object and were left as they are"] if found.unread else []
