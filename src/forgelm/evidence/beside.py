"""Compares a log that is to be continued with what stands beside it: the pin of its first line, its last checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forgelm.evidence.checkpoint import Checkpoint, checkpoint_path, log_origin, parse_checkpoint, read_checkpoint
from forgelm.evidence.pin import Pin, pin_path, read_pin


@dataclass(frozen=True)
class Contradiction:
    """``reason`` says which file says what. ``gone``: there is no line any more, and once there was."""

    reason: str
    gone: bool
    pin: Pin | None


def find_contradiction(log: Path, first: Pin | None, number: int) -> Contradiction | None:
    """Return what contradicts a log of ``number`` lines that begins with ``first``, or ``None``.

    Raises:
        OSError: a file beside the log cannot be read.
    """
    pin = None
    try:
        pin = read_pin(log)
    except ValueError as error:
        return Contradiction(f"{pin_path(log)}: {error}", first is None, None)
    if pin is not None and first is None:
        return Contradiction(f"{pin_path(log)}: the log is gone or empty, and its manifest is not", True, pin)
    if pin is not None and pin != first:
        return Contradiction(f"{pin_path(log)}: the log's first line is not the one its manifest pins", False, pin)
    problem = _compare_checkpoint(log, first, number)
    return Contradiction(f"{checkpoint_path(log)}: {problem}", first is None, pin) if problem else None


def known_checkpoint(log: Path) -> Checkpoint | None:
    """Return the checkpoint that stands beside ``log``.

    Raises:
        ValueError: what stands there is none.
        OSError: it cannot be read.
    """
    text = read_checkpoint(log)
    return parse_checkpoint(text)[1] if text is not None else None


def _compare_checkpoint(log: Path, first: Pin | None, number: int) -> str | None:
    try:
        text = read_checkpoint(log)
        if text is None:
            return None
        origin, checkpoint, _ = parse_checkpoint(text)
    except ValueError as error:
        return f"not a checkpoint: {error}"
    if first is None:
        return "the log is gone or empty, and its checkpoint is not"
    if origin != log_origin(first.first_entry_sha256):
        return "the checkpoint belongs to another log"
    if checkpoint.size > number:
        return f"the log had {checkpoint.size} lines and has {number}"
    return None
