"""Writes the audit log: each event becomes one line, linked to the line before it and on disk when the call returns."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from forgelm.base.errors import ConfigError, IntegrityError, StorageError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles, make_folder, sha256_bytes, storage_errors
from forgelm.evidence.appendfile import AppendFile, Tail
from forgelm.evidence.beside import Contradiction, find_contradiction, known_checkpoint
from forgelm.evidence.checkpoint import Checkpoint, checkpoint_path, log_origin, render_checkpoint, write_checkpoint
from forgelm.evidence.fields import FieldWriter
from forgelm.evidence.identity import operator_identity
from forgelm.evidence.keys import find_signing_key
from forgelm.evidence.line import (
    GENESIS,
    LONGEST_LINE,
    line_hash,
    read_entry,
    tag_key,
    tag_line,
    tag_matches,
)
from forgelm.evidence.merkle import EMPTY_ROOT, MerkleTree, hash_leaf
from forgelm.evidence.pin import Pin, read_pin, write_pin
from forgelm.evidence.recovery import mark_reported, quarantine, reported_name, sweep, unreported

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)
_SECRET = "FORGELM_AUDIT_SECRET"
_REROOT = "FORGELM_ALLOW_AUDIT_REROOT"
_SHORT_SECRET = 16
_OWN = frozenset({Event.RUN_CLOSED, Event.LOG_CHECKPOINT})
_quote = json.encoder.encode_basestring_ascii


class _Head(NamedTuple):
    """The last line: its hash, its number from 1, and its bytes."""

    hash: str = GENESIS
    number: int = 0
    line: bytes | None = None


_UNKNOWN = _Head()


class AuditLogger:
    """The audit log of the run folder ``output_dir``; ``run_id`` is made up (``fg-`` and 12 hex digits) when not given.

    Any number of threads, and of processes with a logger each, may write to one log. A forked child makes its own.
    What a crash cut short is kept beside the log and reported in it as ``log.recovered``.

    Raises:
        ConfigError: no operator can be named; the log's secret is not set; or the log is gone and its manifest is not.
        IntegrityError: the last line, the manifest or its tag is not what was written.
        StorageError: the folder or the log cannot be written.
    """

    def __init__(self, output_dir: str, run_id: str | None = None) -> None:
        self.run_id = run_id if run_id is not None else f"fg-{uuid.uuid4().hex[:12]}"
        if not self.run_id:
            raise ValueError("run_id is empty")
        self.operator = operator_identity()
        self._envelope = f'"run_id": {_quote(self.run_id)}, "operator": {_quote(self.operator)}'
        self._fields = FieldWriter({"run_id": self.run_id, "operator": self.operator})
        self._clock = _Clock()
        self.path: Path = RunFiles(make_folder(Path(output_dir).absolute())).audit_log
        self._secret = read_secret()
        self._key = tag_key(self._secret, self.run_id) if self._secret else None
        self._mutex = threading.RLock()
        self._writing = False
        self._file = AppendFile(self.path)
        self._head = _UNKNOWN
        self._new_root: dict[str, Any] | None = None
        self._rooted = False
        self._signing_key = find_signing_key()
        self._tree, self._measured = MerkleTree(), 0
        self._known: Checkpoint | None = None
        if self.path.exists():
            with self._file:
                self._catch_up(opening=True)
        else:
            self._check_beside(None, 0)

    def log_event(self, event: str, **fields: Any) -> None:
        """Append one event. When this returns, the line is on disk.

        Secrets in ``fields`` are redacted; NaN and infinity become null; what JSON has no form for becomes text.

        Raises:
            ValueError: ``fields`` would replace an envelope key (``timestamp``, ``run_id`` …) by another value, or are
                longer than 16 MiB or nested without end; or ``event`` is one that only this class writes.
            StorageError: an ``OSError``; the event is not in the log, and the log is as it was.
            IntegrityError, ConfigError: the log was changed meanwhile so that it cannot be continued.
        """
        prepared = (self._prepare(event, fields),)
        self._hold(lambda: self._append(prepared))

    def log_events(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Append many events, each a name and its fields, with one sync for about 256 KiB of them.

        When this returns, all lines are on disk. When it raises, none of them is in the log; the errors are those of
        ``log_event``. After a crash before it returns, the log holds a beginning of them, every line whole.
        """
        prepared = [self._prepare(event, fields) for event, fields in events]
        if prepared:
            self._hold(lambda: self._append(prepared))

    def checkpoint(self) -> Checkpoint:
        """Put the number of lines so far and their Merkle root on record, and return those of the log with that record.

        The record is the event ``log.checkpoint``; what is returned stands beside the log too, as a note signed by this
        account's key where it has one. Kept elsewhere, it shows later that no line up to here is missing or changed.

        Raises:
            StorageError: the event, or the note beside the log, could not be written.
            IntegrityError: lines that an earlier checkpoint covers were changed.
        """
        return self._record(Event.LOG_CHECKPOINT)

    def close_run(self) -> Checkpoint:
        """Write ``run.closed``, with the count and the root of the lines before it: the last event of what was done.

        A log that does not end with it verifies as open. The rest is as for ``checkpoint``. A log without any event
        stays without one.
        """
        return self._record(Event.RUN_CLOSED)

    def close(self) -> None:
        """Give the file back; the next event reopens it."""
        with self._mutex:
            self._file.close()
            self._tree, self._measured = MerkleTree(), 0

    def _prepare(self, event: str, fields: Mapping[str, Any]) -> tuple[str, str]:
        if not isinstance(event, str) or not event:
            raise ValueError("an event needs a name")
        if event in _OWN:
            raise ValueError(f"'{event}' is written by close_run() and checkpoint() alone")
        return event, self._fields.render(event, fields)

    def _hold(self, work: Callable[[], _Result]) -> _Result:
        """Do ``work`` alone, among threads and processes, knowing where the log stands."""
        with self._mutex:
            if self._writing:
                raise RuntimeError("an event is being written: a signal handler cannot log one in the middle of it")
            self._writing = True
            try:
                with self._file:
                    if self._file.has_moved() or not self._head.number:
                        self._catch_up()
                    return work()
            finally:
                self._writing = False

    def _append(self, events: Sequence[tuple[str, str]]) -> None:
        before, fresh = self._file.size, not self._head.number
        digest, number, lines = self._head.hash, self._head.number, []
        for event, details in events:
            number += 1
            line = self._build_line(digest, number, event, details)
            digest = line_hash(line)
            lines.append(line)
        # An interrupt from here on leaves the head unknown, and the next event reads it from the file.
        self._head = _UNKNOWN
        self._file.append(lines)
        if fresh:
            self._pin_first_line(line_hash(lines[0]), before)
        self._head = _Head(digest, number, line)

    def _append_own(self, event: Event, details: dict[str, Any]) -> None:
        self._append(((event, f", {json.dumps(details)[1:-1]}"),))

    def _build_line(self, previous: str, number: int, event: str, details: str) -> bytes:
        text = (
            f'{{"timestamp": "{self._clock.now()}", {self._envelope}, "event": {_quote(event)}'
            f', "prev_hash": "{previous}", "seq": {number}{details}}}'
        )
        line = (tag_line(text, self._key) if self._key else text).encode("ascii")
        if len(line) > LONGEST_LINE:
            raise ValueError(f"event '{event}' is longer than {LONGEST_LINE >> 20} MiB; log a digest of it instead")
        return line

    def _pin_first_line(self, digest: str, before: int) -> None:
        try:
            write_pin(self.path, Pin(digest, self.run_id))
        except StorageError:
            self._file.cut(before)
            raise

    def _record(self, event: Event) -> Checkpoint:
        if not self._file.size and not self.path.exists():
            return Checkpoint(0, EMPTY_ROOT.hex())
        return self._hold(lambda: self._seal(event))

    def _seal(self, event: Event) -> Checkpoint:
        covered = self._measure()
        by = self._signing_key.public.text if self._signing_key else None
        note = self._render(covered) if self._signing_key else None
        self._append_own(event, {"count": covered.size, "root": covered.root, "signed_by": by, "note": note})
        sealed = self._measure()
        write_checkpoint(self.path, self._render(sealed))
        return sealed

    def _render(self, checkpoint: Checkpoint) -> str:
        origin = log_origin(line_hash(self._file.first_line()))
        return render_checkpoint(origin, checkpoint, [self._signing_key] if self._signing_key else [])

    def _measure(self) -> Checkpoint:
        """Read the lines that came since the last time, and compare them with the checkpoint that is known."""
        known = self._known
        for line in self._file.read_lines(self._measured):
            self._tree.append(hash_leaf(line))
            if known is not None and self._tree.size == known.size and self._tree.root().hex() != known.root:
                raise self._refuse(f"its first {known.size} lines are not those its checkpoint covers")
        self._measured = self._file.size
        self._known = Checkpoint(self._tree.size, self._tree.root().hex())
        return self._known

    def _catch_up(self, *, opening: bool = False) -> None:
        """Learn where the log stands now, and repair what a writer that was killed left undone."""
        if opening:
            sweep(self.path)
        tail = self._file.read_tail(deep=opening)
        head = self._read_head(tail)
        self._check_beside(tail.last_line, head.number)
        self._head = head
        if tail.torn:
            quarantine(self.path, tail.torn)
            self._file.cut(self._file.size)
        if self._new_root is not None:
            self._append_own(Event.LOG_REROOTED, self._new_root)
            with storage_errors(str(checkpoint_path(self.path))):
                checkpoint_path(self.path).unlink(missing_ok=True)
            self._new_root = None
        if tail.torn or opening:
            self._report_recovered()

    def _report_recovered(self) -> None:
        for kept in unreported(self.path):
            torn = kept.read_bytes()
            report = {"file": reported_name(kept).name, "size_bytes": len(torn), "sha256": sha256_bytes(torn)}
            last = read_entry(self._head.line) if self._head.line else {}
            if last.get("event") != Event.LOG_RECOVERED or last.get("sha256") != report["sha256"]:
                self._append_own(Event.LOG_RECOVERED, report)
                _log.warning("%s ended in an incomplete line, whose bytes are kept in %s", self.path, report["file"])
            mark_reported(kept)

    def _read_head(self, tail: Tail) -> _Head:
        line = tail.last_line
        if line is None:
            return _UNKNOWN
        try:
            entry = read_entry(line)
        except ValueError as error:
            raise self._refuse(f"its last line is {error}") from None
        self._check_secret(line, entry)
        number = entry.get("seq")
        if type(number) is not int or number < 1:
            number = self._file.count_lines()
        return _Head(line_hash(line), number, line)

    def _check_secret(self, line: bytes, entry: dict[str, Any]) -> None:
        """An untagged line behind tagged ones, or one tagged with another secret, would make the log fail its check."""
        if "_hmac" not in entry:
            return
        if not self._secret:
            raise ConfigError(f"{self.path} carries HMAC tags", hint=f"set {_SECRET} to the secret it was begun with")
        if not tag_matches(line.decode(), tag_key(self._secret, str(entry.get("run_id")))):
            raise self._refuse(f"the tag of its last line does not match {_SECRET}: another secret, or a changed line")

    def _check_beside(self, last_line: bytes | None, number: int) -> None:
        """Compare the log with its manifest and its checkpoint, or pin it when a crash came between line and pin."""
        if self._rooted:
            return
        first = self._first_pin() if last_line is not None else None
        found = find_contradiction(self.path, first, number)
        if found is not None:
            self._allow_reroot(found)
        else:
            self._known = known_checkpoint(self.path)
        if first is not None:
            if found is not None or read_pin(self.path) is None:
                write_pin(self.path, first)
            self._rooted = True

    def _first_pin(self) -> Pin:
        line = self._file.first_line()
        try:
            return Pin(line_hash(line), str(read_entry(line).get("run_id")))
        except ValueError as error:
            raise self._refuse(f"its first line is {error}") from None

    def _allow_reroot(self, found: Contradiction) -> None:
        if os.environ.get(_REROOT) != "1":
            raise (ConfigError if found.gone else IntegrityError)(
                found.reason,
                hint=f"restore the log, use another output folder, or set {_REROOT}=1 to begin anew on the record",
            )
        self._new_root = {
            "reason": found.reason,
            "pinned_sha256": found.pin.first_entry_sha256 if found.pin else None,
            "pinned_run_id": found.pin.run_id if found.pin else None,
        }

    def _refuse(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"{self.path} cannot be continued: {what}",
            hint="keep it as it is, look at it with 'forgelm verify-audit', and start in another output folder",
        )


def read_secret() -> str | None:
    """Return the secret that the log's tags are made with, ``None`` where the operator set none."""
    secret = os.environ.get(_SECRET) or None
    if secret and len(secret) < _SHORT_SECRET:
        _log.warning("%s has %d characters; below %d it can be guessed", _SECRET, len(secret), _SHORT_SECRET)
    return secret


class _Clock:
    """Says the time in UTC, to the microsecond, and works the date out once a second only."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def now(self) -> str:
        second, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
        if second != self._second:
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._text}.{microseconds:06d}+00:00"
