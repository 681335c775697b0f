"""Checks a model folder against its ``model.sig``, a signature in the form of OpenSSF Model Signing v1.0.

The predicate lists every file with its digest; https://github.com/sigstore/model-transparency has the form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import SIGNATURE_FILE
from forgelm.evidence.dsse import open_bundle
from forgelm.evidence.ec_public import EcPublicKey
from forgelm.evidence.hashing import HashedFile, compute_root, try_hash_files
from forgelm.evidence.inventory import is_plain_path, list_folder

PREDICATE_TYPE = "https://model_signing/signature/v1.0"
# What the reference implementation leaves out of every signature: a checkout's own files.
GIT_FILES = (".git", ".gitattributes", ".github", ".gitignore")
_LONGEST_SIGNATURE = 256 << 20


@dataclass(frozen=True)
class VerifySignatureResult:
    """What ``verify_signature`` found; paths are relative to the model folder, with ``/``, sorted.

    ``root`` is the signed root digest (SHA-256, hex), ``None`` when the signature itself does not hold. ``links`` are
    symbolic links in the folder, which a signature does not cover; ``ignored`` is what it says it leaves out.
    """

    valid: bool
    reason: str | None
    root: str | None = None
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    verified_count: int = 0


@dataclass(frozen=True)
class SignedFiles:
    """What a signature lists: the digest of each file by name, the root digest, and the paths it leaves out."""

    digests: Mapping[str, str]
    root: str
    ignored: tuple[str, ...]


def verify_signature(model_dir: Path, key: EcPublicKey) -> VerifySignatureResult:
    """Check ``model.sig`` in ``model_dir`` with ``key``, and every file of the folder against it.

    Extra files and symbolic links make it invalid. Not proven: when it was signed, and by whom if ``key`` is not known
    to be the signer's.

    Raises:
        ConfigError: there is no signature file, it is none, or its form is not supported.
        OSError: a file cannot be read.
    """
    root = Path(model_dir)
    try:
        signed = read_signed_files(_read_signature(root / SIGNATURE_FILE), key)
    except IntegrityError as error:
        return VerifySignatureResult(False, error.message)
    links = find_links(root)
    present = {
        name
        for name in list_folder(root).files
        if name not in links and not is_left_out(name, (SIGNATURE_FILE, *signed.ignored))
    }
    found = try_hash_files(root, present & signed.digests.keys())
    matching = {name for name, item in found.items() if item.sha256 == signed.digests[name]}
    changed = tuple(sorted((present & signed.digests.keys()) - matching))
    removed = tuple(sorted(signed.digests.keys() - present))
    added = tuple(sorted(present - signed.digests.keys()))
    counts = [("changed", changed), ("removed", removed), ("added", added), ("symbolic links", links)]
    reason = ", ".join(f"{len(names)} {what}" for what, names in counts if names)
    ignored = tuple(name for name in signed.ignored if name != SIGNATURE_FILE and (root / name).exists())
    return VerifySignatureResult(
        not reason,
        f"the folder is not what was signed: {reason}" if reason else None,
        signed.root,
        changed,
        removed,
        added,
        links,
        ignored,
        len(matching),
    )


def read_signed_files(data: bytes, key: EcPublicKey) -> SignedFiles:
    """Return what the signature file ``data`` lists, once ``key`` says it holds.

    Raises:
        ConfigError: it is no such file, or of a form that is not supported.
        IntegrityError: the signature does not hold, or its list is not what its root digest stands for.
    """
    statement = open_bundle(data, key, SIGNATURE_FILE)
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise ConfigError(f"{SIGNATURE_FILE} is not a model signature (v1.0): its predicate is of another type")
    try:
        (subject,) = statement["subject"]
        stated = str(subject["digest"]["sha256"])
        serialization = statement["predicate"]["serialization"]
        form = serialization["method"], serialization["hash_type"]
        ignored = tuple(str(name) for name in serialization.get("ignore_paths", ()))
        resources = [HashedFile(item["name"], item["digest"], 0) for item in statement["predicate"]["resources"]]
        root = compute_root(resources)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ConfigError(f"{SIGNATURE_FILE} is malformed: it lacks its subject, serialization or resources") from None
    if form != ("files", "sha256"):
        raise ConfigError(f"{SIGNATURE_FILE} lists {form[1]} digests of {form[0]}; only sha256 of files is supported")
    digests = {item.file: item.sha256 for item in resources}
    if root != stated or len(digests) != len(resources) or not all(is_plain_path(name) for name in digests):
        raise IntegrityError(f"{SIGNATURE_FILE}: its list of files is not what its root digest stands for")
    return SignedFiles(digests, root, ignored)


def find_links(root: Path) -> tuple[str, ...]:
    """Return every symbolic link under ``root``, those to files inside included, sorted."""
    listing = list_folder(root)
    inside = (name for name in listing.files if (root / name).is_symlink())
    return tuple(sorted({*listing.links, *inside}))


def is_left_out(name: str, ignored: Iterable[str]) -> bool:
    """Return whether ``name`` is one of the paths ``ignored``, or below one."""
    return any(name == path or name.startswith(f"{path}/") for path in ignored)


def _read_signature(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise ConfigError(
            f"{path.parent} has no signature {path.name}", hint="sign it: forgelm sign MODEL_DIR --key KEY"
        )
    if path.stat().st_size > _LONGEST_SIGNATURE:
        raise ConfigError(f"{path} is longer than {_LONGEST_SIGNATURE >> 20} MiB")
    return path.read_bytes()
