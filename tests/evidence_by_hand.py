"""Evidence made by hand, for checks of single things."""

from __future__ import annotations

import json
from pathlib import Path

from forgelm.base.files import sha256_bytes
from forgelm.evidence.bundle.sources import Evidence
from forgelm.evidence.hashing import HashedFile


def evidence(root: Path, files: dict[str, bytes], left_out: frozenset[str] = frozenset(), **outer: bytes) -> Evidence:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    hashed = {name: HashedFile(name, sha256_bytes(data), len(data)) for name, data in files.items()}
    return Evidence(root, hashed, left_out, {name.replace("_", "."): data for name, data in outer.items()})


def manifest(files: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    listed = [{"file": name, "sha256": sha256_bytes(data), "size_bytes": len(data)} for name, data in files.items()]
    return json.dumps({"artifacts": listed, "skipped_symlinks": list(links)}).encode()
