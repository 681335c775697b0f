"""Reads from an audit log what its lines say about files: which digests the run recorded for what it left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.events import Event
from forgelm.evidence.line import LONGEST_LINE

EVALUATION_FOLDERS = ("benchmark", "safety", "judge", "text", "memorisation")

_CONFIG, _COMPLIANCE = "resolved_config.yaml", "compliance/"
_MODEL_KINDS = frozenset({"model", "staging"})


@dataclass(frozen=True)
class Purge:
    """One erasure that the log records as done: the line that says so, whose files, of which kind, and their paths."""

    line: int
    erasure_id: str
    run_id: str
    kind: str
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"line {self.line}, {Event.ERASURE_COMPLETED} {self.erasure_id}"


@dataclass(frozen=True)
class LaterRun:
    """A run after the one whose documents lie in the folder: it began, and wrote none of its own."""

    run_id: str
    ended: str = "unfinished"


@dataclass
class LogFacts:
    """What the runs recorded, SHA-256 in hex.

    ``run_id`` is the newest run that wrote documents, or the newest at all where none did; ``later_runs`` began after
    it. ``documents`` are those that lie in the folder now, and ``reviewed`` what decisions were made on, by path from
    the run folder; ``seals`` are of integrity manifests, of every run, oldest first, with the line they are on.
    ``recorded_on`` is the line a document was recorded on last, ``sealed_by`` the run that a line's seal is of.
    ``begun`` are the documents of the run that began last, as far as it came.
    """

    run_id: str | None = None
    later_runs: list[LaterRun] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    reviewed: dict[str, str] = field(default_factory=dict)
    seals: list[tuple[int, str]] = field(default_factory=list)
    purges: list[Purge] = field(default_factory=list)
    recorded_on: dict[str, int] = field(default_factory=dict)
    sealed_by: dict[int, str] = field(default_factory=dict)

    def purge_of(self, file: str) -> Purge | None:
        """Return the purge that took ``file``, or a folder it is in, after it was recorded last."""
        return self._find_purge(
            self.recorded_on.get(file, 0),
            lambda purge: any(file == path or file.startswith(f"{path}/") for path in purge.paths),
        )

    def purge_of_model(self) -> Purge | None:
        """Return the purge that took the model sealed last."""
        line = self.seals[-1][0] if self.seals else 0
        run_id = self.sealed_by.get(line)
        return self._find_purge(line, lambda purge: purge.kind in _MODEL_KINDS and purge.run_id == run_id)

    def _find_purge(self, after: int, takes: Callable[[Purge], bool]) -> Purge | None:
        return next((purge for purge in self.purges if purge.line > after and takes(purge)), None)


def read_facts(log: Path) -> LogFacts:
    """Return what the log at ``log`` records; lines that are no entries are passed over, the chain's check names them.

    Raises:
        OSError: it cannot be read.
    """
    facts = LogFacts()
    with log.open("rb") as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE):
            number += 1
            # Parsing is what costs, and few lines say anything about files.
            if any(mark in line for mark in _READERS):
                _take_in(facts, line, number)
    return facts


def _take_in(facts: LogFacts, line: bytes, number: int) -> None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(entry, dict):
        return
    for read in _READERS.values():
        read(facts, entry, number)


def _read_start(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    """Take in a run that begins: the configuration in the folder is its own from now on, the documents are not yet."""
    if entry.get("event") != Event.PIPELINE_INITIALIZED:
        return
    run_id, digest = str(entry.get("run_id")), entry.get("resolved_config_sha256")
    facts.begun = {_CONFIG: str(digest)} if digest else {}
    if any(file.startswith(_COMPLIANCE) for file in facts.documents):
        facts.later_runs.append(LaterRun(run_id))
        facts.documents.pop(_CONFIG, None)
        facts.documents |= facts.begun
    else:
        facts.run_id, facts.documents = run_id, dict(facts.begun)


def _read_end(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    ended = _ENDS.get(str(entry.get("event")))
    if ended and facts.later_runs and facts.later_runs[-1].run_id == entry.get("run_id"):
        facts.later_runs[-1] = LaterRun(facts.later_runs[-1].run_id, ended)


def _read_documents(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    digests = entry.get("sha256")
    if entry.get("event") == Event.ARTIFACTS_EXPORTED and isinstance(digests, dict):
        _record(facts, {f"{_COMPLIANCE}{name}": str(digest) for name, digest in digests.items()}, number)
        # The folder was replaced as a whole: what earlier runs left in it is gone.
        facts.documents = dict(facts.begun)
        if facts.later_runs:
            facts.run_id = facts.later_runs[-1].run_id
            facts.later_runs.clear()


def _read_evaluations(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    """Take in the results that lie where a bundle looks for them; a folder of the user's own choice may be anywhere."""
    digests = entry.get("files")
    if entry.get("event") == Event.EVALUATIONS_RECORDED and isinstance(digests, dict):
        known = {file: str(digest) for file, digest in digests.items() if file.partition("/")[0] in EVALUATION_FOLDERS}
        _record(facts, known, number)


def _record(facts: LogFacts, digests: dict[str, str], number: int) -> None:
    facts.begun |= _note(facts, digests, number)
    facts.documents |= digests


def _read_reviewed(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    digests = entry.get("evidence_sha256")
    if entry.get("event") == Event.HUMAN_APPROVAL_REQUIRED and isinstance(digests, dict):
        facts.reviewed |= _note(facts, {str(file): str(digest) for file, digest in digests.items()}, number)


def _read_seal(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    if entry.get("event") == Event.MODEL_INTEGRITY_VERIFIED and entry.get("manifest_sha256"):
        facts.seals.append((number, str(entry["manifest_sha256"])))
        facts.sealed_by[number] = str(entry.get("run_id"))


def _read_purge(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    paths = entry.get("paths")
    if entry.get("event") == Event.ERASURE_COMPLETED and entry.get("dry_run") is False and isinstance(paths, list):
        erasure_id, run_id, kind = (str(entry.get(name)) for name in ("erasure_id", "target_id", "target_kind"))
        plain = tuple(path for path in paths if isinstance(path, str) and path)
        facts.purges.append(Purge(number, erasure_id, run_id, kind, plain))


def _note(facts: LogFacts, digests: dict[str, str], number: int) -> dict[str, str]:
    facts.recorded_on |= dict.fromkeys(digests, number)
    return digests


_ENDS: dict[str, str] = {Event.PIPELINE_FAILED: "failed", Event.PIPELINE_STOPPED: "stopped"}
_READERS = {
    Event.PIPELINE_INITIALIZED.encode(): _read_start,
    **{event.encode(): _read_end for event in _ENDS},
    Event.ARTIFACTS_EXPORTED.encode(): _read_documents,
    Event.EVALUATIONS_RECORDED.encode(): _read_evaluations,
    Event.HUMAN_APPROVAL_REQUIRED.encode(): _read_reviewed,
    Event.MODEL_INTEGRITY_VERIFIED.encode(): _read_seal,
    Event.ERASURE_COMPLETED.encode(): _read_purge,
}
