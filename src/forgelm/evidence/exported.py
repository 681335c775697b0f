"""What was made from a sealed model, listed in its integrity manifest without touching the seal.

The list is no part of what is sealed: the digest by which log, approvals and statements know a manifest is that of the
manifest without it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from forgelm.base.files import INTEGRITY_FILE, SIGNATURE_FILE, render_json, sha256_bytes, write_bytes

KEY = "exported_artifacts"


def original_manifest(data: bytes) -> bytes:
    """Return a manifest's bytes as they were when the model was sealed, before anything was exported from it."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(content, dict) or KEY not in content:
        return data
    return render_json({key: value for key, value in content.items() if key != KEY})


def seal_digest(data: bytes) -> str:
    """Return the SHA-256 (hex) that stands for a sealed model: that of its manifest before anything was exported."""
    return sha256_bytes(original_manifest(data))


def record_export(model_dir: Path, entry: dict[str, Any]) -> Path | None:
    """Add ``entry`` (``file``, ``format``, ``quant``, ``sha256``, ``size_bytes``) to the manifest's list.

    An earlier entry of the same file is replaced. Returns the manifest, or ``None`` when it was left alone: a
    signature covers its very bytes, or it is not written the way it could be restored from.

    Raises:
        StorageError: the manifest could not be written; it is as it was.
    """
    path = model_dir / INTEGRITY_FILE
    data = path.read_bytes()
    content = json.loads(data)
    # What this writes can be undone byte by byte only where the rest is written the same way.
    if (model_dir / SIGNATURE_FILE).exists() or render_json(content) != data:
        return None
    listed = [item for item in content.pop(KEY, []) if item.get("file") != entry["file"]]
    return write_bytes(path, render_json({**content, KEY: [*listed, entry]}))
