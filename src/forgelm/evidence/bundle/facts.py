"""Reads from an audit log what its lines say about files: which digests the run recorded for what it left behind."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.events import Event
from forgelm.evidence.line import LONGEST_LINE


@dataclass
class LogFacts:
    """What the runs recorded, SHA-256 in hex.

    ``documents`` (the newest run's) and ``reviewed`` (what decisions were made on) are by path from the run folder;
    ``seals`` are of integrity manifests, of every run, oldest first, with the line they are on.
    """

    run_id: str | None = None
    documents: dict[str, str] = field(default_factory=dict)
    reviewed: dict[str, str] = field(default_factory=dict)
    seals: list[tuple[int, str]] = field(default_factory=list)


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
        facts.documents |= {f"compliance/{name}": str(digest) for name, digest in digests.items()}


def _read_reviewed(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    digests = entry.get("evidence_sha256")
    if entry.get("event") == Event.HUMAN_APPROVAL_REQUIRED and isinstance(digests, dict):
        facts.reviewed |= {str(file): str(digest) for file, digest in digests.items()}


def _read_seal(facts: LogFacts, entry: dict[str, Any], number: int) -> None:
    if entry.get("event") == Event.MODEL_INTEGRITY_VERIFIED and entry.get("manifest_sha256"):
        facts.seals.append((number, str(entry["manifest_sha256"])))


_READERS = {
    Event.PIPELINE_INITIALIZED.encode(): _read_start,
    Event.ARTIFACTS_EXPORTED.encode(): _read_documents,
    Event.HUMAN_APPROVAL_REQUIRED.encode(): _read_reviewed,
    Event.MODEL_INTEGRITY_VERIFIED.encode(): _read_seal,
}
