"""Writes a run's evidence as one file whose every byte follows from the evidence: two builds are identical."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from forgelm.base.errors import ConfigError, StorageError
from forgelm.base.files import PROVENANCE_FILE, sha256_bytes, storage_errors, sync_folder
from forgelm.evidence.bundle.archive import ArchiveWriter
from forgelm.evidence.bundle.case import LOG
from forgelm.evidence.bundle.contents import (
    LIST_FILE,
    LIST_SIGNATURE,
    PROVENANCE_SIGNATURE,
    RUN,
    render_contents,
    select_files,
)
from forgelm.evidence.bundle.facts import read_facts
from forgelm.evidence.bundle.standalone import VERIFIER_FILE, render_verifier
from forgelm.evidence.dsse import STATEMENT_TYPE, build_bundle
from forgelm.evidence.ec_key import EcKey
from forgelm.evidence.environment import package_version
from forgelm.evidence.hashing import HashedFile
from forgelm.evidence.lock import settled_size

LIST_TYPE = "urn:forgelm:bundle:v1"
PROVENANCE = f"compliance/{PROVENANCE_FILE}"
_BLOCK = 1 << 20
_README = """\
The evidence of one ForgeLM run.

  run/          what the run left behind: its log, its documents, the seals of its models
  bundle.json   every file with its SHA-256, and what was left out
  *.sig         signatures over bundle.json and the provenance statement, when whoever made this signed it
  verify.py     checks it all with Python 3.11 or newer and nothing else:

                python3 -I verify.py BUNDLE.zip

Whoever can change this bundle can change the verify.py in it. If that matters to you, take verify.py from a ForgeLM
that you installed yourself: forgelm bundle --verifier verify.py
"""


@dataclass(frozen=True)
class Bundle:
    """Where the bundle is, its own SHA-256, and how many files it holds and leaves out."""

    path: Path
    sha256: str
    run_id: str | None
    files: int
    left_out: int


def write_bundle(run: Path, output: Path, *, with_model: bool = False, key: EcKey | None = None) -> Bundle:
    """Write the evidence of the run folder ``run`` to ``output``; its models' weights too when ``with_model``.

    ``key`` signs the list of what is in it. An existing ``output`` is replaced.

    Raises:
        ConfigError: ``run`` is no run folder, or ``output`` is a folder.
        IntegrityError: a file changed meanwhile.
        StorageError: it could not be written, or a file not be read; ``output`` is as it was.
    """
    if not (run / LOG).is_file():
        raise ConfigError(f"{run} is no run folder: it holds no {LOG}" if run.exists() else f"there is no folder {run}")
    if output.is_dir():
        raise ConfigError(f"{output} is a folder", hint="name the file to write: --output evidence.zip")
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(8)}.tmp")
    try:
        with storage_errors(str(output)):
            output.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("x+b") as stream:
                bundle = _write(stream, run, output, with_model, key)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(output)
            sync_folder(output.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return bundle


def _write(stream: BinaryIO, run: Path, output: Path, with_model: bool, key: EcKey | None) -> Bundle:
    selected = select_files(run, with_model=with_model)
    archive = ArchiveWriter(stream)
    texts = {"README.txt": _README.encode(), VERIFIER_FILE: render_verifier()}
    members = [archive.add(name, len(data), [data]) for name, data in texts.items()]
    members += [_add_file(archive, run / file, f"{RUN}/{file}") for file in selected.files]
    if key is not None and PROVENANCE in selected.files:
        signature = _sign_provenance(run / PROVENANCE, key)
        members.append(archive.add(PROVENANCE_SIGNATURE, len(signature), [signature]))
    run_id = read_facts(run / LOG).run_id
    listing = render_contents(run_id, package_version("forgelm") or "", members, selected.left_out)
    archive.add(LIST_FILE, len(listing), [listing])
    if key is not None:
        signed = _sign_list(listing, key)
        archive.add(LIST_SIGNATURE, len(signed), [signed])
    archive.finish()
    return Bundle(output, _hash(stream), run_id, len(members), len(selected.left_out))


def _add_file(archive: ArchiveWriter, path: Path, name: str) -> HashedFile:
    try:
        stream = path.open("rb", buffering=0)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    with stream:
        # Of a log that is being written, what stands in it now: whole lines.
        size = settled_size(stream.fileno())
        return archive.add(name, size, _blocks(stream, size))


def _blocks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (block := stream.read(min(_BLOCK, size))):
        size -= len(block)
        yield block


def _sign_provenance(path: Path, key: EcKey) -> bytes:
    try:
        statement = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ConfigError(f"{path} cannot be signed: it is not JSON") from None
    return _to_bytes(build_bundle(statement, key.public, key.sign))


def _sign_list(listing: bytes, key: EcKey) -> bytes:
    subject = {"name": LIST_FILE, "digest": {"sha256": sha256_bytes(listing)}}
    statement = {"_type": STATEMENT_TYPE, "subject": [subject], "predicateType": LIST_TYPE, "predicate": {}}
    return _to_bytes(build_bundle(statement, key.public, key.sign))


def _to_bytes(bundle: dict[str, Any]) -> bytes:
    return (json.dumps(bundle, indent=1) + "\n").encode()


def _hash(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
