"""What the evaluations found, row by row, into files of the run folder, with their digests on the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.events import Emit, Event
from forgelm.base.files import RunFiles, canonical_json, render_json, sha256_bytes, to_json_safe, write_bytes
from forgelm.base.redact import redact
from forgelm.evaluate.measurement import Measurement


def write_evaluations(files: RunFiles, measurements: Sequence[Measurement], emit: Emit) -> dict[str, str]:
    """Write every file the measurements bring and return path below the run folder to SHA-256.

    Raises:
        StorageError: a file could not be written.
    """
    digests = {}
    for measurement in measurements:
        for path, value in measurement.files.items():
            data = _render(path, redact(to_json_safe(value)))
            write_bytes(files.root / path, data)
            digests[path] = sha256_bytes(data)
    if digests:
        emit(Event.EVALUATIONS_RECORDED, files=digests)
    return digests


def _render(path: str, value: Any) -> bytes:
    if path.endswith(".jsonl"):
        return b"".join(canonical_json(row) + b"\n" for row in value)
    return render_json(value)
