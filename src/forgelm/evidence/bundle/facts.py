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


@dataclass
class LogFacts:
    """What the runs recorded, SHA-256 in hex.

    ``documents`` (the newest run's) and ``reviewed`` (what decisions were made on) are by path from the run folder;
    ``seals`` are of integrity manifests, of every run, oldest first, with the line they are on. ``recorded_on`` is the
    line a document was recorded on last, ``sealed_by`` the run that a line's seal is of.
    """

    run_id: str | None = None
    documents: dict[str, str] = field(default_factory=dict)
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
    if entry.get("event") == Event.PIPELINE_INITIALIZED:
        facts.run_id = str(entry.get("run_id"))
        facts.documents.clear()
        if digest := entry.get("resolved_config_sha256"):
            facts.documents["resolved_config.yaml"] = str(digest)


def _read_documents(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    digests = entry.get("sha256")
    if entry.get("event") == Event.ARTIFACTS_EXPORTED and isinstance(digests, dict):
        facts.documents |= _note(facts, {f"compliance/{name}": str(digest) for name, digest in digests.items()}, number)


def _read_evaluations(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    """Take in the results that lie where a bundle looks for them; a folder of the user's own choice may be anywhere."""
    digests = entry.get("files")
    if entry.get("event") == Event.EVALUATIONS_RECORDED and isinstance(digests, dict):
        known = {file: str(digest) for file, digest in digests.items() if file.partition("/")[0] in EVALUATION_FOLDERS}
        facts.documents |= _note(facts, known, number)


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


_READERS = {
    Event.PIPELINE_INITIALIZED.encode(): _read_start,
    Event.ARTIFACTS_EXPORTED.encode(): _read_documents,
    Event.EVALUATIONS_RECORDED.encode(): _read_evaluations,
    Event.HUMAN_APPROVAL_REQUIRED.encode(): _read_reviewed,
    Event.MODEL_INTEGRITY_VERIFIED.encode(): _read_seal,
    Event.ERASURE_COMPLETED.encode(): _read_purge,
}
