"""What a log amounts to at one moment: how many lines, and the Merkle root over them; as numbers and as a signed note.

The note is a checkpoint of https://c2sp.org/tlog-checkpoint. The newest one stands beside the log; one kept elsewhere
shows later that no line was taken away or changed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.files import write_text
from forgelm.evidence.keys import SigningKey
from forgelm.evidence.note import Note, parse_note, sign_note

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Checkpoint:
    """The first ``size`` lines of a log and their RFC 6962 root, in hex. A leaf is a line without its newline."""

    size: int
    root: str

    def as_record(self) -> dict[str, Any]:
        """Return it as documents carry it: ``{"size": …, "root": …}``."""
        return {"size": self.size, "root": self.root}


def read_record(record: object) -> Checkpoint | None:
    """Return the checkpoint that ``as_record`` wrote, ``None`` when ``record`` is none."""
    if not isinstance(record, dict):
        return None
    size, root = record.get("size"), record.get("root")
    if type(size) is not int or size < 0 or not isinstance(root, str) or not _SHA256.fullmatch(root):
        return None
    return Checkpoint(size, root)


def log_origin(first_entry_sha256: str) -> str:
    """Return the name under which a log's checkpoints are made: it follows from the log's first line."""
    return f"forgelm/audit-log/{first_entry_sha256[:32]}"


def render_checkpoint(origin: str, checkpoint: Checkpoint, keys: Iterable[SigningKey]) -> str:
    """Return the note of ``checkpoint``, signed by ``keys``."""
    root = base64.b64encode(bytes.fromhex(checkpoint.root)).decode()
    return sign_note(f"{origin}\n{checkpoint.size}\n{root}\n", keys)


def parse_checkpoint(text: str) -> tuple[str, Checkpoint, Note]:
    """Return the origin, the checkpoint and the signatures of a note. Nothing is checked here.

    Raises:
        ValueError: it is no checkpoint; the message says why.
    """
    note = parse_note(text)
    origin, *rest = note.text.split("\n")[:-1]
    if len(rest) < 2 or not all((origin, *rest)):
        raise ValueError("a checkpoint has at least three lines")
    size, root = rest[:2]
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size):
        raise ValueError("the second line of a checkpoint is its size")
    try:
        digest = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:
        raise ValueError("the third line of a checkpoint is its root")
    return origin, Checkpoint(int(size), digest.hex()), note


def checkpoint_path(log: Path) -> Path:
    """Return where the newest checkpoint of ``log`` stands."""
    return log.with_name(f"{log.name}.checkpoint")


def write_checkpoint(log: Path, note: str) -> Path:
    """Replace the checkpoint beside ``log``.

    Raises:
        StorageError: it could not be written; the one before still stands there.
    """
    return write_text(checkpoint_path(log), note)


def read_checkpoint(log: Path) -> str | None:
    """Return the note beside ``log``, ``None`` when there is none.

    Raises:
        ValueError: it is not text.
        OSError: it cannot be read.
    """
    try:
        return checkpoint_path(log).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
