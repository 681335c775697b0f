"""Says which files of a run folder are its evidence, and holds the list of them that a bundle carries."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from forgelm.base.errors import IntegrityError
from forgelm.base.files import INTEGRITY_FILE, SIGNATURE_FILE, canonical_json, sha256_bytes
from forgelm.evidence.bundle.facts import EVALUATION_FOLDERS
from forgelm.evidence.hashing import HashedFile
from forgelm.evidence.inventory import is_plain_path, list_folder

FORMAT = "forgelm-bundle/1"
LIST_FILE = "bundle.json"
LIST_SIGNATURE = "bundle.sig"
PROVENANCE_SIGNATURE = "provenance.sig"
OUTER_FILES = (LIST_FILE, LIST_SIGNATURE, PROVENANCE_SIGNATURE)
RUN = "run"
# Named one by one: a run folder also holds locks, salts and whatever people put there, and none of it may leak.
_EVIDENCE = (
    "audit_log.jsonl",
    "audit_log.jsonl.manifest.json",
    "audit_log.jsonl.checkpoint",
    "audit_log.jsonl.torn-*",
    "resolved_config.yaml",
    "data_audit_report.json",
    "compliance/*",
    "review/*",
    *(f"{folder}/*" for folder in EVALUATION_FOLDERS),
    "quarantine/*/verdict.json",
)
_MODEL_EVIDENCE = ("README.md", "deployer_instructions.md", INTEGRITY_FILE, SIGNATURE_FILE)
_PASSED_OVER = ("checkpoint-*", "runs", "superseded", ".*", "*.lock")


@dataclass(frozen=True)
class Selection:
    """The files of a run folder: those that go along, and those of its models that stay."""

    files: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Contents:
    """What ``bundle.json`` says: the members and their digests, and what was left out of the models."""

    run_id: str | None
    files: dict[str, HashedFile]
    left_out: frozenset[str]


def select_files(root: Path, *, with_model: bool) -> Selection:
    """Return which files of the run folder ``root`` a bundle holds; its models' weights only ``with_model``.

    Raises:
        OSError: a folder cannot be read.
    """
    listing = list_folder(root)
    models = find_models(listing.files)
    chosen, left_out = [], list[str]()
    for file in listing.files:
        if any(fnmatch.fnmatchcase(PurePosixPath(file).parts[0], pattern) for pattern in _PASSED_OVER):
            continue
        model = next((model for model in models if file.startswith(f"{model}/")), None)
        if model is None:
            if any(fnmatch.fnmatchcase(file, pattern) for pattern in _EVIDENCE):
                chosen.append(file)
        elif with_model or not is_weights(file, models):
            chosen.append(file)
        else:
            left_out.append(file)
    left_out += [link for link in listing.links if any(link.startswith(f"{model}/") for model in models)]
    return Selection(tuple(chosen), tuple(sorted(left_out)))


def is_weights(file: str, models: Iterable[str]) -> bool:
    """Return whether ``file`` is of one of the folders ``models`` and none of the documents in it."""
    return any(
        file.startswith(f"{model}/") and file.removeprefix(f"{model}/") not in _MODEL_EVIDENCE for model in models
    )


def find_models(files: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that hold a ``model_integrity.json`` and stand in no other such folder, sorted."""
    found: list[str] = []
    for file in sorted(files, key=lambda name: name.count("/")):
        folder, _, name = file.rpartition("/")
        if name == INTEGRITY_FILE and folder and not any(f"{folder}/".startswith(f"{model}/") for model in found):
            found.append(folder)
    return tuple(sorted(found))


def render_contents(run_id: str | None, version: str, files: Iterable[HashedFile], left_out: Iterable[str]) -> bytes:
    """Return the bytes of ``bundle.json``: the same for the same evidence."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "forgelm_version": version,
        "run_id": run_id,
        "files": [vars(item) for item in sorted(files, key=lambda item: item.file)],
        "left_out": sorted(left_out),
    }
    content["sha256"] = sha256_bytes(canonical_json(content))
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def parse_contents(data: bytes) -> Contents:
    """Return what ``bundle.json`` holds.

    Raises:
        IntegrityError: it is not what ``render_contents`` writes, down to the byte.
    """
    try:
        content = json.loads(data)
        files = [HashedFile(item["file"], item["sha256"], item["size_bytes"]) for item in content["files"]]
        run_id, version, left_out = content["run_id"], content["forgelm_version"], content["left_out"]
        same = content["format"] == FORMAT and render_contents(run_id, version, files, left_out) == data
        plain = all(is_plain_path(name) for name in (*left_out, *(item.file for item in files)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        same = plain = False
    if not same or not plain:
        raise IntegrityError(f"{LIST_FILE} is not as it was written: its own digest, form or paths do not hold")
    return Contents(run_id, {item.file: item for item in files}, frozenset(left_out))
