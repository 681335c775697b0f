"""Ed25519 keys with a name: made, kept in a file only its owner may read, and used to sign bytes and to check them.

A key's name and id are those of C2SP signed notes (https://c2sp.org/signed-note); its private file is plain PKCS #8.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra
from forgelm.base.files import storage_errors, sync_folder
from forgelm.evidence.ed25519 import verify_ed25519

KEY_VARIABLE = "FORGELM_SIGNING_KEY"
_ED25519 = b"\x01"
_OPENSSH = b"OPENSSH PRIVATE KEY"
_NAME_LINE = "forgelm key: "
_LONGEST_FILE = 1 << 16


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key: ``raw`` are its 32 bytes, ``name`` is whatever its owner calls it."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        """The 4 bytes that, with the name, say in a signed note which key signed."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    @property
    def text(self) -> str:
        """The key on one line, ``<name>+<id>+<key>``, as other tools for signed notes read it."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Return whether the key made ``signature`` over ``message``. Whoever checks needs no extra."""
        return verify_ed25519(self.raw, signature, message)


@dataclass(frozen=True)
class SigningKey:
    """A private key that signs; it never shows itself."""

    public: PublicKey
    _private: Any = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature (RFC 8032)."""
        signature: bytes = self._private.sign(message)
        return signature


def key_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the signing key of this account is: ``FORGELM_SIGNING_KEY``, else in its configuration folder."""
    if stated := environ.get(KEY_VARIABLE):
        return Path(stated).expanduser()
    home = environ.get("XDG_CONFIG_HOME") or (environ.get("APPDATA") if os.name == "nt" else None) or "~/.config"
    return Path(home).expanduser() / "forgelm" / "signing_key.pem"


def public_path(private: Path) -> Path:
    """Return where the public half of the key in ``private`` stands."""
    return private.with_suffix(".pub")


def find_signing_key(environ: Mapping[str, str] = os.environ) -> SigningKey | None:
    """Return the key to sign with, ``None`` when this account has none and names none.

    Raises:
        ConfigError: ``FORGELM_SIGNING_KEY`` names a file that is not there, or the file is no key.
        OptionalDependencyError: there is a key, and the extra ``sign`` is not installed.
    """
    path = key_path(environ)
    if not environ.get(KEY_VARIABLE) and not path.exists():
        return None
    return load_signing_key(path)


def generate_key(path: Path, name: str) -> SigningKey:
    """Make a key, write it to ``path`` for its owner's eyes only and its public half beside it; never replace one.

    Raises:
        ConfigError: there is a key at ``path``, or ``name`` has spaces or ``+`` in it or is empty.
        OptionalDependencyError: the extra ``sign`` is not installed.
        StorageError: a file could not be written.
    """
    _check_name(name)
    serialization = load_extra("cryptography.hazmat.primitives.serialization", extra="sign")
    private = _ed25519().Ed25519PrivateKey.generate()
    pem: bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = SigningKey(_public(private, name), private)
    write_key_files(path, f"{_NAME_LINE}{name}\n".encode() + pem, f"{key.public.text}\n".encode())
    return key


def load_signing_key(path: Path) -> SigningKey:
    """Return the private key in the PEM file ``path``: one of ``generate_key``, or any other Ed25519 key.

    PKCS #8 and OpenSSH's form are read.

    Raises:
        ConfigError: the file is missing, others may read it, or it holds no unencrypted Ed25519 key.
        OptionalDependencyError: the extra ``sign`` is not installed.
    """
    data = read_private_file(path)
    ed25519 = _ed25519()
    serialization = load_extra("cryptography.hazmat.primitives.serialization", extra="sign")
    unsupported = load_extra("cryptography.exceptions", extra="sign").UnsupportedAlgorithm
    before, mark, pem = data.partition(b"-----BEGIN")
    try:
        read = serialization.load_ssh_private_key if _OPENSSH in pem else serialization.load_pem_private_key
        private = read(mark + pem, password=None)
    except TypeError:
        raise ConfigError(f"the private key {path} is encrypted", hint="a run cannot ask for its password") from None
    except (ValueError, unsupported):
        raise ConfigError(f"{path} holds no private key in PEM form", hint="make one: forgelm keys generate") from None
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise ConfigError(f"{path} is not an Ed25519 key", hint="make one: forgelm keys generate")
    stated = before.decode(errors="replace").strip().removeprefix(_NAME_LINE)
    raw = _public(private, "").raw
    name = stated or f"ed25519/{hashlib.sha256(raw).hexdigest()[:16]}"
    _check_name(name)
    return SigningKey(PublicKey(name, raw), private)


def parse_public_key(text: str) -> PublicKey:
    """Return the key that ``PublicKey.text`` wrote.

    Raises:
        ValueError: ``text`` is none, or its id is not that of its name and key.
    """
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise ValueError("not a public key of the form <name>+<id>+<key>")
    name, key_id, encoded = parts
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("not a public key: its last part is not base64") from None
    if data[:1] != _ED25519 or len(data) != 33:
        raise ValueError("not a public key of the kind Ed25519")
    key = PublicKey(name, data[1:])
    if not is_key_name(name) or key.id.hex() != key_id:
        raise ValueError("not a public key: its id does not belong to its name and key")
    return key


def read_public_key(source: str) -> PublicKey:
    """Return the public key that ``source`` is, or that stands in the file it names.

    Raises:
        ConfigError: neither.
    """
    with contextlib.suppress(ValueError):
        return parse_public_key(source)
    try:
        return parse_public_key(_read(Path(source)).decode())
    except ValueError as error:
        raise ConfigError(f"{source}: {error}", hint="give the .pub file, not the private key") from None


def write_key_files(path: Path, private: bytes, public: bytes) -> None:
    """Write a private key to ``path`` for its owner's eyes only, and its public half beside it; never replace one.

    Raises:
        ConfigError: there is a key at ``path``.
        StorageError: a file could not be written.
    """
    with storage_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_new(path, private, mode=0o600)
        except FileExistsError:
            raise ConfigError(
                f"there is a key already: {path}", hint="keep it: without it nobody can tell what it signed apart"
            ) from None
        with contextlib.suppress(FileNotFoundError):
            public_path(path).unlink()
        _write_new(public_path(path), public, mode=0o644)


def read_private_file(path: Path) -> bytes:
    """Return what stands in the file of a private key.

    Raises:
        ConfigError: it cannot be read, or others may read it.
    """
    data = _read(path)
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"others may read the private key {path}", hint=f"chmod 600 {path}")
    return data


def is_key_name(name: str) -> bool:
    """Return whether ``name`` may name a key: no spaces, no control characters, no ``+``, not empty."""
    return bool(name) and name.isprintable() and "+" not in name and not any(map(str.isspace, name))


def _check_name(name: str) -> None:
    if not is_key_name(name):
        raise ConfigError(
            f"{name!r} cannot name a key: spaces and + are not allowed in it", hint="such as example.org/ci"
        )


def _public(private: Any, name: str) -> PublicKey:
    return PublicKey(name, private.public_key().public_bytes_raw())


def _ed25519() -> Any:
    return load_extra("cryptography.hazmat.primitives.asymmetric.ed25519", extra="sign")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LONGEST_FILE)
    except OSError as error:
        raise ConfigError(f"cannot read the key {path}: {error.strerror}") from None


def _write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Nobody else may read the file at any moment, so it is made with its mode."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with open(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(path.parent)
