"""Signs a model folder in the form of OpenSSF Model Signing v1.0 (``model.sig``), and a run's test report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.files import INTEGRITY_FILE, SIGNATURE_FILE, RunFiles, sha256_bytes, write_json
from forgelm.evidence.dsse import STATEMENT_TYPE, build_bundle
from forgelm.evidence.ec_key import EcKey
from forgelm.evidence.hashing import HashedFile, compute_root, hash_files, sort_by_path
from forgelm.evidence.inventory import is_plain_path, list_folder, require_intact
from forgelm.evidence.report_signature import REPORT_FILE, REPORT_SIGNATURE, REPORT_TYPE
from forgelm.evidence.signature import GIT_FILES, PREDICATE_TYPE, find_links, is_left_out


@dataclass(frozen=True)
class SignedModel:
    """Where the signature is, whose it is (the fingerprint of the public key), and over what: the root digest."""

    path: Path
    key_fingerprint: str
    root: str
    files: int


@dataclass(frozen=True)
class SignedReport:
    """Where the signature is, whose it is (the fingerprint of the public key), and the signed report's SHA-256."""

    path: Path
    key_fingerprint: str
    sha256: str


def sign_model(model_dir: Path, key: EcKey) -> SignedModel:
    """Write ``model.sig`` into ``model_dir``: every other file in it, signed with ``key``.

    A folder with a ``model_integrity.json`` is checked against it first.

    Raises:
        ConfigError: the folder holds a symbolic link or no file, or its integrity manifest cannot be used.
        IntegrityError: the folder is not what was sealed, or changed meanwhile.
        StorageError: the signature could not be written.
    """
    root = Path(model_dir)
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder")
    if (root / INTEGRITY_FILE).exists():
        require_intact(root)
    links = find_links(root)
    if links:
        raise ConfigError(f"{root} holds the symbolic link {links[0]}, which a signature cannot cover")
    names = [name for name in list_folder(root).files if not is_left_out(name, (SIGNATURE_FILE, *GIT_FILES))]
    if not names or not all(is_plain_path(name) for name in names):
        raise ConfigError(f"{root} holds no file to sign" if not names else f"{root} holds a name that is not portable")
    files = hash_files(root, names)
    statement = build_statement(root.resolve().name, files)
    path = write_json(root / SIGNATURE_FILE, build_bundle(statement, key.public, key.sign))
    return SignedModel(path, key.public.fingerprint, compute_root(files), len(files))


def sign_report(run: Path, key: EcKey) -> SignedReport:
    """Write ``compliance/test_report.json.sig`` into the run folder ``run``: its newest test report, signed.

    A signature that is there is replaced.

    Raises:
        ConfigError: there is no run folder, or no test report in it.
        StorageError: the signature could not be written.
    """
    report = RunFiles(Path(run)).compliance / REPORT_FILE
    if not report.is_file():
        raise ConfigError(
            f"there is no test report {report}" if run.is_dir() else f"there is no folder {run}",
            hint="name a run's training.output_dir; a run writes its report when it is measured",
        )
    digest = sha256_bytes(report.read_bytes())
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": REPORT_FILE, "digest": {"sha256": digest}}],
        "predicateType": REPORT_TYPE,
        "predicate": {},
    }
    path = write_json(report.with_name(REPORT_SIGNATURE), build_bundle(statement, key.public, key.sign))
    return SignedReport(path, key.public.fingerprint, digest)


def build_statement(name: str, files: Iterable[HashedFile]) -> dict[str, Any]:
    """Return the in-toto statement that a signature signs, of the model called ``name``."""
    ordered = sort_by_path(files)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": compute_root(ordered)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [SIGNATURE_FILE, *GIT_FILES],
            },
            "resources": [{"name": item.file, "algorithm": "sha256", "digest": item.sha256} for item in ordered],
        },
    }
