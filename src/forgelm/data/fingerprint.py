"""What pins the bytes a dataset was read from: sizes, times and SHA-256 of files, the commit of a hub dataset."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.files import canonical_json, sha256_bytes, sha256_file
from forgelm.base.redact import redact_text

_LONGEST_TEXT = 200


@contextlib.contextmanager
def unchanged(paths: Sequence[Path], name: str) -> Iterator[None]:
    """Make sure that what the block reads and what it takes digests of are the same bytes.

    Raises:
        DataError: a file was written to inside the block.
    """
    before = [_stamp(path) for path in paths]
    yield
    changed = [path for path, stamp in zip(paths, before, strict=True) if _stamp(path) != stamp]
    if changed:
        raise DataError(f"{name}: {changed[0].name} changed while it was being read", hint="wait until it is complete")


def fingerprint_file(path: Path, name: str) -> dict[str, Any]:
    """Return the fingerprint of one local file."""
    linked = {"resolved_path": str(path.resolve())} if path.is_symlink() else {}
    return _begin(name, "local_file") | {"hf_revision_source": "local_path"} | _pin_file(path) | linked


def fingerprint_folder(folder: Path, files: Sequence[str], name: str) -> dict[str, Any]:
    """Return the fingerprint of the ``files`` (relative paths) read from a folder.

    ``sha256`` is that of the canonical JSON list of ``{path, sha256}``.
    """
    pinned = [{"path": file, **_pin_file(folder / file)} for file in files]
    digest = sha256_bytes(canonical_json([{"path": item["path"], "sha256": item["sha256"]} for item in pinned]))
    return _begin(name, "local_directory") | {
        "hf_revision_source": "local_path",
        "resolved_path": str(folder.resolve()),
        "size_bytes": sum(item["size_bytes"] for item in pinned),
        "sha256": digest,
        "files": pinned,
    }


def fingerprint_hub(name: str, *, revision: str | None, reason: str | None, info: Any = None) -> dict[str, Any]:
    """Return the fingerprint of a hub dataset: its commit, or the ``reason`` why that is not known.

    ``info`` is the ``datasets.DatasetInfo`` of what was loaded, where there is one.
    """
    known = {"hf_revision": revision, "hf_revision_source": "loaded"}
    unknown = {"hf_revision_source": "unresolved", "hf_revision_reason": redact_text(reason or "")[:_LONGEST_TEXT]}
    described = {
        "version": str(info.version) if info is not None and info.version else None,
        "description": (info.description or "")[:_LONGEST_TEXT] if info is not None else None,
        "download_size_bytes": info.download_size if info is not None else None,
    }
    return (
        _begin(name, "huggingface_hub")
        | {"dataset_id": name}
        | {key: value for key, value in described.items() if value}
        | (known if revision else unknown)
    )


def list_pins(fingerprint: dict[str, Any]) -> list[str | None]:
    """Return the digest of every file of a fingerprint, or the commit of a hub dataset; ``None`` where it has none."""
    if "files" in fingerprint:
        return [file["sha256"] for file in fingerprint["files"]]
    return [fingerprint.get("sha256") or fingerprint.get("hf_revision")]


def _begin(name: str, source: str) -> dict[str, Any]:
    return {"path": name, "timestamp": datetime.now(UTC).isoformat(), "source": source}


def _pin_file(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        "size_bytes": status.st_size,
        "modified": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(),
        "sha256": sha256_file(path),
    }


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
