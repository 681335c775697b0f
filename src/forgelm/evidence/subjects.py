"""Says something about a person in a log that cannot change, so that it can be unsaid: commitments, each under a key.

A commitment is an HMAC under a random key that only the key folder holds. Whoever has the key can tell whose it is;
once the key is destroyed it is noise, and the log's chain still holds.
"""

from __future__ import annotations

import hmac
import os
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from forgelm.base.files import storage_errors, sync_folder

_VARIABLE = "FORGELM_SUBJECT_KEYS"
_FOLDER = ".forgelm_subject_keys"
_CONTENT_KEY = "content.key"
_KEY_BYTES = 32
_LOOKUP, _COMMITMENT = b"forgelm subject lookup\0", b"forgelm subject commitment\0"

KeyPlace = Literal["per_dir", "env_var"]


@dataclass(frozen=True)
class Commitment:
    """What may stand in a log: ``subject`` names the key, ``digest`` (64 hex digits) says nothing without it."""

    subject: str
    digest: str


class SubjectKeys:
    """The keys of the people a run folder's log speaks of, one small file each, for the owner's eyes only.

    They lie in ``FORGELM_SUBJECT_KEYS``, else in a hidden folder of the run folder. Keep them apart from copies of the
    log, and out of its backups: a restored key undoes an erasure.
    """

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        stated = (os.environ if environ is None else environ).get(_VARIABLE)
        self.folder = Path(stated).expanduser() if stated else root / _FOLDER
        self.place: KeyPlace = "env_var" if stated else "per_dir"

    def find(self, identifier: str) -> Commitment | None:
        """Return the commitment to ``identifier``, ``None`` when it has no key (any more)."""
        name = normalise_identifier(identifier)
        found = self._find(name)
        return _commit(found, name) if found else None

    def commit(self, identifier: str) -> Commitment:
        """Return the commitment to ``identifier``; its key is made when there is none.

        Raises:
            StorageError: the key could not be written.
        """
        name = normalise_identifier(identifier)
        if self._find(name) is None:
            key = secrets.token_bytes(_KEY_BYTES)
            self._write(f"{secrets.token_hex(8)}.key", key + hmac.digest(key, _LOOKUP + name, "sha256"))
        # Of two processes that both made one, every later look finds the same.
        path = self._find(name)
        if path is None:
            raise FileNotFoundError(f"the key of a subject was removed from {self.folder} while it was used")
        return _commit(path, name)

    def destroy(self, identifier: str) -> bool:
        """Destroy every key of ``identifier``; return whether there was one. What the log says of it is noise then.

        Raises:
            StorageError: a key could not be removed.
        """
        name, found = normalise_identifier(identifier), False
        while (path := self._find(name)) is not None:
            with storage_errors(str(path)):
                path.unlink()
                sync_folder(self.folder)
            found = True
        return found

    def make_content_key(self) -> bytes:
        """Return the folder's key for digests of rows, made when there is none.

        Raises:
            StorageError: it could not be written.
        """
        found = self.find_content_key()
        if found is None:
            self._write(_CONTENT_KEY, secrets.token_bytes(_KEY_BYTES))
        return found or (self.folder / _CONTENT_KEY).read_bytes()

    def find_content_key(self) -> bytes | None:
        """Return the folder's key for digests of rows, ``None`` when there is none (any more)."""
        path = self.folder / _CONTENT_KEY
        return path.read_bytes() if path.exists() else None

    def _find(self, name: bytes) -> Path | None:
        for path in sorted(self.folder.glob("*.key")):
            data = path.read_bytes()
            key, tag = data[:_KEY_BYTES], data[_KEY_BYTES:]
            if tag and hmac.compare_digest(tag, hmac.digest(key, _LOOKUP + name, "sha256")):
                return path
        return None

    def _write(self, name: str, data: bytes) -> None:
        """Written under another name first: a kill leaves no half key that a later run would take for whole."""
        with storage_errors(str(self.folder / name)):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = self.folder / f".{name}.{secrets.token_hex(4)}"
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with open(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(self.folder / name)
            sync_folder(self.folder)


def normalise_identifier(identifier: str) -> bytes:
    """Return the bytes under which two spellings of one identifier are one: compatibility forms, case and spaces."""
    return " ".join(unicodedata.normalize("NFKC", identifier).casefold().split()).encode("utf-8", "surrogatepass")


def _commit(path: Path, name: bytes) -> Commitment:
    key = path.read_bytes()[:_KEY_BYTES]
    return Commitment(path.stem, hmac.digest(key, _COMMITMENT + name, "sha256").hex())
