"""Reads an audit log back: the entries of some events, and the size and Merkle root that its first lines have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.line import read_entry
from forgelm.evidence.lock import settled_size
from forgelm.evidence.merkle import MerkleTree, hash_leaf


@dataclass(frozen=True)
class Entry:
    """One line of a log: its number, from 1, and everything it says."""

    number: int
    fields: Mapping[str, Any]

    @property
    def event(self) -> str:
        return str(self.fields.get("event"))

    @property
    def run_id(self) -> str:
        return str(self.fields.get("run_id"))

    @property
    def timestamp(self) -> str:
        return str(self.fields.get("timestamp"))

    def text(self, name: str) -> str:
        """Return the field ``name`` when it is text, else ``""``."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


def read_entries(log: Path, events: Collection[str]) -> Iterator[Entry]:
    """Yield the entries of ``events`` in their order; check the chain first if it matters whether they are true.

    Raises:
        OSError: the log is missing or cannot be read.
    """
    wanted = [f'"{event}"'.encode() for event in events]
    for number, line in enumerate(_lines(log), start=1):
        # Most lines are of other events, and looking for a word is faster than reading JSON.
        if not any(word in line for word in wanted):
            continue
        try:
            entry = Entry(number, read_entry(line))
        except ValueError:
            continue
        if entry.event in events:
            yield entry


def take_checkpoint(log: Path) -> Checkpoint:
    """Return the size and root of the log as it is now."""
    tree = MerkleTree()
    tree.extend(hash_leaf(line) for line in _lines(log))
    return Checkpoint(tree.size, tree.root().hex())


def read_roots(log: Path, sizes: Collection[int]) -> dict[int, str]:
    """Return the root that the log had at each of ``sizes``; sizes it never had are left out."""
    tree, found = MerkleTree(), {}
    for line in _lines(log):
        tree.append(hash_leaf(line))
        if tree.size in sizes:
            found[tree.size] = tree.root().hex()
    return found


def _lines(log: Path) -> Iterator[bytes]:
    """Yield whole lines without their newline, up to where no writer is in the middle of one."""
    with log.open("rb") as stream:
        left = settled_size(stream.fileno())
        for line in stream:
            left -= len(line)
            if left < 0 or not line.endswith(b"\n"):
                return
            yield line[:-1]
