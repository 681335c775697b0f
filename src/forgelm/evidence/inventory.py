"""Seals a model folder: lists every file with its digest in ``model_integrity.json``, and checks the folder against it.

The list is not signed: whoever can change the files can change it too. A signature stands beside it, in ``model.sig``.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import INTEGRITY_FILE, SIGNATURE_FILE, sha256_bytes, write_json
from forgelm.evidence.anchor import RECORD_KEY
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.dsse import peek_statement
from forgelm.evidence.hashing import HashedFile, hash_files, try_hash_files

_log = logging.getLogger(__name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HERE = "."
_LONGEST_MANIFEST = 256 << 20


@dataclass(frozen=True)
class VerifyIntegrityResult:
    """How a folder differs from its manifest; paths are relative, with ``/``, sorted.

    ``reason`` is also set on a valid result when links that lead out of the folder are listed: their targets are not
    covered.
    """

    valid: bool
    reason: str | None
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    verified_count: int


@dataclass(frozen=True)
class Manifest:
    """What ``model_integrity.json`` says: the files by name, and links it says it does not cover."""

    artifacts: Mapping[str, HashedFile]
    skipped_links: frozenset[str]


@dataclass(frozen=True)
class Listing:
    """What a folder holds: files to hash, and links that lead out of it or to folders."""

    files: tuple[str, ...]
    links: tuple[str, ...]


def write_integrity_manifest(
    model_dir: Path, *, model_path: str | None = None, audit_log: Checkpoint | None = None
) -> Path:
    """List every file under ``model_dir`` but the manifest itself and a signature. Write it last.

    ``model_path`` is recorded as given; without it ``"."`` is, the folder the manifest stands in, which stays true
    when the folder is moved. ``audit_log`` is how far the run's log went by now: the sealed model then contradicts a
    log that is made shorter than that.

    Raises:
        ConfigError: ``model_dir`` is no folder, holds no file, or something that is neither file, folder nor link.
        IntegrityError: a file was written to while it was read.
        OSError: a file cannot be read (``StorageError``: the manifest cannot be written).
    """
    root = Path(model_dir)
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder")
    listing = list_folder(root)
    files = [file for file in listing.files if file not in (INTEGRITY_FILE, SIGNATURE_FILE)]
    if not files:
        raise ConfigError(f"{root} holds no file to seal")
    for file in files:
        if not (root / file).is_file() or not is_plain_path(file):
            raise ConfigError(f"{root / file!r} cannot be sealed: not a regular file with a portable UTF-8 name")
    if listing.links:
        _log.warning("%s: not sealed, because they lead out of the folder or to a folder: %s", root, listing.links)
    content = {
        "verified_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "model_path": model_path if model_path is not None else _HERE,
        "artifacts": [vars(artifact) for artifact in hash_files(root, files)],
        "skipped_symlinks": list(listing.links),
        **({RECORD_KEY: audit_log.as_record()} if audit_log else {}),
    }
    return write_json(root / INTEGRITY_FILE, content)


def verify_integrity(path: str) -> VerifyIntegrityResult:
    """Compare the model folder at ``path`` with its manifest. Any difference makes the result invalid.

    A signature file is no difference when it signs this manifest; whether its signature holds, ``verify_signature``
    says.

    Raises:
        ConfigError: there is no manifest, it is malformed or empty, or it lists a path outside the folder.
        OSError: a file cannot be read.
    """
    root = Path(path)
    data = _read_manifest(root)
    manifest = parse_manifest(data, str(root / INTEGRITY_FILE))
    listing = list_folder(root)
    present = frozenset(listing.files) - {INTEGRITY_FILE}
    if SIGNATURE_FILE not in manifest.artifacts and _signs(root / SIGNATURE_FILE, data):
        present -= {SIGNATURE_FILE}
    candidates = [name for name, item in manifest.artifacts.items() if name in present and _has_size(root, item)]
    found = try_hash_files(root, candidates)
    matching = {name for name, item in found.items() if item == manifest.artifacts[name]}
    return compare(manifest, present, frozenset(listing.links), matching)


def read_sealed_files(model_dir: Path) -> tuple[HashedFile, ...]:
    """Return every file of a sealed folder as its manifest lists it, and the manifest itself, by name.

    Raises:
        ConfigError: the folder has no usable manifest.
    """
    data = _read_manifest(Path(model_dir))
    listed = parse_manifest(data, str(Path(model_dir) / INTEGRITY_FILE)).artifacts.values()
    own = HashedFile(INTEGRITY_FILE, sha256_bytes(data), len(data))
    return tuple(sorted((*listed, own), key=lambda item: item.file))


def require_intact(model_dir: Path) -> None:
    """Return only when every file of the sealed folder ``model_dir`` is what its manifest says; else raise.

    What chat, export, merge and upload call before they use a model.

    Raises:
        IntegrityError: a file was changed, removed or added since; the message names the first ones.
        ConfigError: the folder has no usable manifest.
        OSError: a file cannot be read.
    """
    result = verify_integrity(str(model_dir))
    if result.valid:
        return
    names = [f"{name} {what}" for what in ("changed", "removed", "added") for name in getattr(result, what)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    raise IntegrityError(
        f"{model_dir} is not what was sealed: {', '.join(names[:3])}{more}",
        hint="look at it with 'forgelm verify-integrity'; use the model only when you know why it changed",
    )


def parse_manifest(data: bytes, name: str) -> Manifest:
    """Return what a manifest file holds; ``name`` is what an error calls it.

    Raises:
        ConfigError: it is malformed or empty, or lists a path outside the folder.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise _unusable(name, "it is not JSON") from None
    listed = content.get("artifacts") if isinstance(content, dict) else None
    skipped = content.get("skipped_symlinks", []) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise _unusable(name, "it lists no artifacts")
    if not isinstance(skipped, list) or not all(is_plain_path(link) for link in skipped):
        raise _unusable(name, "skipped_symlinks is not a list of paths inside the folder")
    artifacts: dict[str, HashedFile] = {}
    for position, item in enumerate(listed, start=1):
        artifact = _read_artifact(item)
        if artifact is None or artifact.file in artifacts:
            raise _unusable(name, f"artifact {position} is malformed, listed twice, or outside the folder")
        artifacts[artifact.file] = artifact
    return Manifest(artifacts, frozenset(skipped))


def compare(
    manifest: Manifest, present: frozenset[str], links: frozenset[str], matching: set[str]
) -> VerifyIntegrityResult:
    """Return how what is there differs from ``manifest``: names of files and links, and the files whose bytes match."""
    listed, skipped = manifest.artifacts.keys(), manifest.skipped_links
    everything = present | links
    changed = tuple(sorted((listed & everything) - matching))
    removed = tuple(sorted((listed | skipped) - everything))
    added = tuple(sorted((present - listed) | (links - skipped - listed)))
    reason = None
    if changed or removed or added:
        counts = f"{len(changed)} changed, {len(removed)} removed, {len(added)} added"
        reason = f"the folder differs from its manifest: {counts}"
    elif skipped:
        reason = f"not covered, because they lead out of the folder: {', '.join(sorted(skipped))}"
    return VerifyIntegrityResult(not (changed or removed or added), reason, changed, removed, added, len(matching))


def list_folder(root: Path) -> Listing:
    """Return every file and link under ``root``, sorted; links to files inside count as those files.

    Raises:
        OSError: a folder cannot be read.
    """
    files: list[str] = []
    links: list[str] = []
    real_root = os.path.realpath(root)

    def fail(error: OSError) -> None:
        raise error

    for folder, subfolders, names in os.walk(root, onerror=fail):
        for name in (*subfolders, *names):
            full = os.path.join(folder, name)
            relative = Path(full).relative_to(root).as_posix()
            if os.path.islink(full) and (name in subfolders or not _stays_inside(full, real_root)):
                links.append(relative)
            elif name not in subfolders:
                files.append(relative)
    return Listing(tuple(sorted(files)), tuple(sorted(links)))


def is_plain_path(file: Any) -> bool:
    """Return whether ``file`` is a plain relative path: nothing absolute, no ``..``, no drive, no backslash."""
    if not isinstance(file, str) or any(character in file for character in "\0\\") or not _is_encodable(file):
        return False
    plain = PurePosixPath(file)
    if str(plain) != file or not plain.name or plain.is_absolute() or ".." in plain.parts:
        return False
    return not PureWindowsPath(file).drive


def signs_manifest(signature: bytes, manifest: bytes) -> bool:
    """Return whether the signature file ``signature`` says that it signs ``manifest``; not whether it holds."""
    try:
        predicate = peek_statement(signature, SIGNATURE_FILE).get("predicate")
    except ConfigError:
        return False
    resources = predicate.get("resources") if isinstance(predicate, dict) else None
    digest = sha256_bytes(manifest)
    return isinstance(resources, list) and any(
        isinstance(item, dict) and (item.get("name"), item.get("digest")) == (INTEGRITY_FILE, digest)
        for item in resources
    )


def _stays_inside(link: str, real_root: str) -> bool:
    target = os.path.realpath(link)
    return os.path.isfile(target) and os.path.commonpath((target, real_root)) == real_root


def _has_size(root: Path, artifact: HashedFile) -> bool:
    path = root / artifact.file
    return path.is_file() and path.stat().st_size == artifact.size_bytes


def _signs(path: Path, manifest: bytes) -> bool:
    return path.is_file() and not path.is_symlink() and signs_manifest(path.read_bytes(), manifest)


def _read_manifest(root: Path) -> bytes:
    path = root / INTEGRITY_FILE
    try:
        # Opening a pipe would wait for a writer for ever; a link could lead anywhere.
        if path.is_symlink() or not (path.is_file() or not path.exists()):
            raise _unusable(str(path), "it is not a regular file")
        with path.open("rb") as stream:
            data = stream.read(_LONGEST_MANIFEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{root} has no {INTEGRITY_FILE}", hint="name the folder of a sealed model") from None
    if len(data) > _LONGEST_MANIFEST:
        raise _unusable(str(path), f"it is longer than {_LONGEST_MANIFEST >> 20} MiB")
    return data


def _read_artifact(item: Any) -> HashedFile | None:
    if not isinstance(item, dict):
        return None
    file, digest, size = item.get("file"), item.get("sha256"), item.get("size_bytes")
    if not isinstance(file, str) or not is_plain_path(file) or file == INTEGRITY_FILE:
        return None
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest) or type(size) is not int or size < 0:
        return None
    return HashedFile(file, digest, size)


def _is_encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unusable(name: str, why: str) -> ConfigError:
    return ConfigError(f"{name} cannot be used: {why}", hint="the folder cannot be checked against it; seal it again")
