"""Where a run's files stand, and writing them so that a reader sees the old content or the new, never half."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from forgelm.base.errors import NotAFolderError, StorageError
from forgelm.base.leftovers import claim

INTEGRITY_FILE = "model_integrity.json"
MERGE_FILE = "merge_record.json"
UNFINISHED_CHECKPOINT = ".writing-"
SIGNATURE_FILE = "model.sig"
BOM_FILE = "ml_bom.cdx.json"
PROVENANCE_FILE = "provenance.intoto.json"


@dataclass(frozen=True)
class RunFiles:
    """Every path of a run folder (``training.output_dir``)."""

    root: Path
    final_model_dir: str = "final_model"

    @property
    def audit_log(self) -> Path:
        return self.root / "audit_log.jsonl"

    @property
    def lock(self) -> Path:
        return self.root / ".forgelm.lock"

    @property
    def approval_lock(self) -> Path:
        """Held while a model is decided about or moved."""
        return self.root / ".approval.lock"

    @property
    def config(self) -> Path:
        return self.root / "resolved_config.yaml"

    @property
    def compliance(self) -> Path:
        return self.root / "compliance"

    @property
    def data_audit_report(self) -> Path:
        return self.root / "data_audit_report.json"

    @property
    def final_model(self) -> Path:
        return self.root / self.final_model_dir

    def staging(self, run_id: str) -> Path:
        return self.root / f"{self.final_model_dir}.staging.{run_id}"

    def quarantine(self, run_id: str) -> Path:
        return self.root / "quarantine" / run_id

    def seen_rows(self, run_id: str) -> Path:
        """Which rows the run saw."""
        return self.root / "seen_rows" / f"{run_id}.jsonl.gz"

    def review(self, run_id: str) -> Path:
        """What a person reads before deciding about the held model of ``run_id``: the run's own documents."""
        return self.root / "review" / run_id

    def superseded(self, run_id: str) -> Path:
        """Where the model that run ``run_id`` replaced is kept."""
        return self.root / "superseded" / f"by-{run_id}"


def to_json_safe(value: Any) -> Any:
    """Return ``value`` with NaN and infinity as ``None``, sets sorted, and unknown objects as text."""
    if isinstance(value, dict):
        return {str(key): to_json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_safe(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((to_json_safe(item) for item in value), key=_rank)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8: the bytes that digests are taken over."""
    return _encode(json.dumps(to_json_safe(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut, where the platform can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> Path:
    """Create ``folder`` and what is missing above it, so that a power cut does not take away what is put into it.

    Raises:
        StorageError: it could not be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)
    return folder


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn the system's error inside the block into one that says what was being written and where."""
    try:
        yield
    except StorageError:
        raise
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        failure: StorageError = NotAFolderError(
            f"could not write {what}: {describe_obstacle(Path(what)) or error.strerror}",
            hint="name another place, or move away what is there",
        )
        failure.errno = error.errno
        raise failure from error
    except OSError as error:
        failure = StorageError(
            f"could not write {what}: {error.strerror or error}",
            hint="check that the disk has space and the folder is writable; nothing half-written was left in place",
        )
        failure.errno = error.errno
        raise failure from error


def describe_obstacle(path: Path) -> str | None:
    """Return what stands in the way of writing to ``path``: a folder there, or a file, there or in a folder's place."""
    if path.is_dir():
        return "a folder is there"
    there = next((place for place in (path, *path.parents) if place.exists()), path)
    return f"{there} is a file, not a folder" if there.is_file() else None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Replace ``path`` atomically by what the block writes: temporary file, fsync, rename, fsync of the folder.

    Raises:
        StorageError: the file could not be written; ``path`` is as it was, as after any error inside the block.
    """
    with storage_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as stream:
                claim(stream)
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def write_whole(handle: int, data: bytes) -> None:
    """Write all of ``data`` to the open file: a full disk takes a part, and says so only when it is given the rest."""
    written = os.write(handle, data)
    while written < len(data):
        written += os.write(handle, data[written:])


def write_bytes(path: Path, data: bytes) -> Path:
    """Replace ``path`` atomically; see ``replacing``.

    Raises:
        StorageError: the file could not be written; ``path`` is as it was.
    """
    with replacing(path) as stream:
        stream.write(data)
    return path


def write_text(path: Path, text: str) -> Path:
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> Path:
    """Write readable JSON in which NaN never appears."""
    return write_bytes(path, render_json(value))


def render_json(value: Any) -> bytes:
    """Return readable JSON in which NaN never appears, as the bytes of a file."""
    return _encode(json.dumps(to_json_safe(value), indent=2, ensure_ascii=False) + "\n")


def _rank(item: Any) -> tuple[float, bytes]:
    return (item if isinstance(item, (int, float)) else math.inf, canonical_json(item))


def _encode(document: str) -> bytes:
    # Half a surrogate pair, from a file name that is not UTF-8, has no form in UTF-8 but one in JSON.
    return document.encode("utf-8", "backslashreplace")
