"""Seals a model folder: lists every file with its digest in ``model_integrity.json``, and checks the folder against it.

The list is not signed: whoever can change the files can change it too.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import INTEGRITY_FILE, sha256_file, write_json

_log = logging.getLogger(__name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HERE = "."


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
class _Artifact:
    file: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class _Listing:
    """What a folder holds: files to hash, and links that lead elsewhere or to folders."""

    files: tuple[str, ...]
    links: tuple[str, ...]


def write_integrity_manifest(model_dir: Path, *, model_path: str | None = None) -> Path:
    """List every file under ``model_dir`` but the manifest itself. Write it last.

    ``model_path`` is recorded as given; without it ``"."`` is, the folder the manifest stands in, which stays true
    when the folder is moved.

    Raises:
        ConfigError: ``model_dir`` is no folder, holds no file, or something that is neither file, folder nor link.
        OSError: a file cannot be read (``StorageError``: the manifest cannot be written).
    """
    root = Path(model_dir)
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder")
    listing = _list_folder(root)
    if not listing.files:
        raise ConfigError(f"{root} holds no file to seal")
    for file in listing.files:
        if not (root / file).is_file() or not _is_inside(file):
            raise ConfigError(f"{root / file!r} cannot be sealed: not a regular file with a portable UTF-8 name")
    if listing.links:
        _log.warning("%s: not sealed, because they lead out of the folder or to a folder: %s", root, listing.links)
    content = {
        "verified_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "model_path": model_path if model_path is not None else _HERE,
        "artifacts": [vars(artifact) for artifact in _hash_files(root, listing.files)],
        "skipped_symlinks": list(listing.links),
    }
    return write_json(root / INTEGRITY_FILE, content)


def verify_integrity(path: str) -> VerifyIntegrityResult:
    """Compare the model folder at ``path`` with its manifest. Any difference makes the result invalid.

    Raises:
        ConfigError: there is no manifest, it is malformed or empty, or it lists a path outside the folder.
        OSError: a file cannot be read.
    """
    root = Path(path)
    artifacts, skipped = _read_manifest(root)
    listing = _list_folder(root)
    present = frozenset(listing.files)
    candidates = [file for file, item in artifacts.items() if file in present and _has_size(root / file, item)]
    matching = {found.file for found in _hash_files(root, candidates) if found.sha256 == artifacts[found.file].sha256}
    everything = present | set(listing.links)
    changed = tuple(sorted((artifacts.keys() & everything) - matching))
    removed = tuple(sorted((artifacts.keys() | skipped) - everything))
    added = tuple(sorted((present - artifacts.keys()) | (set(listing.links) - skipped - artifacts.keys())))
    reason = None
    if changed or removed or added:
        counts = f"{len(changed)} changed, {len(removed)} removed, {len(added)} added"
        reason = f"the folder differs from its manifest: {counts}"
    elif skipped:
        reason = f"not covered, because they lead out of the folder: {', '.join(sorted(skipped))}"
    return VerifyIntegrityResult(not (changed or removed or added), reason, changed, removed, added, len(matching))


def _list_folder(root: Path) -> _Listing:
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
            elif name not in subfolders and relative != INTEGRITY_FILE:
                files.append(relative)
    return _Listing(tuple(sorted(files)), tuple(sorted(links)))


def _stays_inside(link: str, real_root: str) -> bool:
    target = os.path.realpath(link)
    return os.path.isfile(target) and os.path.commonpath((target, real_root)) == real_root


def _hash_files(root: Path, files: Iterable[str]) -> list[_Artifact]:
    """Hashing leaves the interpreter lock, so threads use every core."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda file: _hash_file(root, file), files))


def _hash_file(root: Path, file: str) -> _Artifact:
    path = root / file
    return _Artifact(file, sha256_file(path), path.stat().st_size)


def _has_size(path: Path, artifact: _Artifact) -> bool:
    return path.is_file() and path.stat().st_size == artifact.size_bytes


def _read_manifest(root: Path) -> tuple[dict[str, _Artifact], frozenset[str]]:
    """Return the listed files by name, and the links the manifest says it does not cover."""
    path = root / INTEGRITY_FILE
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{root} has no {INTEGRITY_FILE}", hint="name the folder of a sealed model") from None
    except (ValueError, RecursionError):
        raise _unusable(path, "it is not JSON") from None
    listed = content.get("artifacts") if isinstance(content, dict) else None
    skipped = content.get("skipped_symlinks", []) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise _unusable(path, "it lists no artifacts")
    if not isinstance(skipped, list) or not all(_is_inside(link) for link in skipped):
        raise _unusable(path, "skipped_symlinks is not a list of paths inside the folder")
    artifacts: dict[str, _Artifact] = {}
    for position, item in enumerate(listed, start=1):
        artifact = _read_artifact(item)
        if artifact is None or artifact.file in artifacts:
            raise _unusable(path, f"artifact {position} is malformed, listed twice, or outside the folder")
        artifacts[artifact.file] = artifact
    return artifacts, frozenset(skipped)


def _read_artifact(item: Any) -> _Artifact | None:
    if not isinstance(item, dict):
        return None
    file, digest, size = item.get("file"), item.get("sha256"), item.get("size_bytes")
    if not isinstance(file, str) or not _is_inside(file) or file == INTEGRITY_FILE:
        return None
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest) or type(size) is not int:
        return None
    return _Artifact(file, digest, size)


def _is_inside(file: Any) -> bool:
    """Return whether ``file`` is a plain relative path: nothing absolute, no ``..``, no drive, no backslash."""
    if not isinstance(file, str) or any(character in file for character in "\0\\") or not _is_encodable(file):
        return False
    plain = PurePosixPath(file)
    if str(plain) != file or not plain.name or plain.is_absolute() or ".." in plain.parts:
        return False
    return not PureWindowsPath(file).drive


def _is_encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path} cannot be used: {why}", hint="the folder cannot be checked against it; seal it again")
