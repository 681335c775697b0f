"""The sidecar that pins a log's first line: a log that was wiped and begun again does not pass for the old one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from forgelm.base.files import write_json


@dataclass(frozen=True)
class Pin:
    """The SHA-256 (hex) of the first line without its newline, and the run that wrote it."""

    first_entry_sha256: str
    run_id: str


def pin_path(log: Path) -> Path:
    return log.with_name(f"{log.name}.manifest.json")


def write_pin(log: Path, pin: Pin) -> Path:
    """Write the sidecar of ``log``.

    Raises:
        StorageError: it could not be written.
    """
    content = {
        "audit_log": log.name,
        "created_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "run_id": pin.run_id,
        "first_entry_sha256": pin.first_entry_sha256,
    }
    return write_json(pin_path(log), content)


def read_pin(log: Path) -> Pin | None:
    """Return what the sidecar of ``log`` pins, ``None`` when there is none.

    Raises:
        ValueError: the sidecar is not what ``write_pin`` writes.
        OSError: it cannot be read.
    """
    try:
        data = pin_path(log).read_bytes()
    except FileNotFoundError:
        return None
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError(f"{pin_path(log).name} is not JSON") from None
    if isinstance(content, dict):
        first, run_id = content.get("first_entry_sha256"), content.get("run_id")
        if isinstance(first, str) and isinstance(run_id, str):
            return Pin(first, run_id)
    raise ValueError(f"{pin_path(log).name} lacks first_entry_sha256 or run_id")
