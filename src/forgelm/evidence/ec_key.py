"""ECDSA keys that sign models: made, kept in a file only its owner may read, and used to sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra
from forgelm.evidence.ec_public import EcPublicKey, parse_ec_public_key
from forgelm.evidence.ecdsa import CURVES
from forgelm.evidence.keys import read_private_file, write_key_files


@dataclass(frozen=True)
class EcKey:
    """A private key on P-256, P-384 or P-521; it never shows itself."""

    public: EcPublicKey
    _private: Any = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Return the DER signature over ``message``; the same for the same bytes (RFC 6979)."""
        hashes = load_extra("cryptography.hazmat.primitives.hashes", extra="sign")
        digest = getattr(hashes, CURVES[self.public.curve].digest.upper())()
        signature: bytes = self._private.sign(message, _ec().ECDSA(digest, deterministic_signing=True))
        return signature


def load_ec_key(path: Path, password: str | None = None) -> EcKey:
    """Return the private key in the PEM file at ``path``.

    Raises:
        ConfigError: the file is missing, others may read it, it is encrypted and ``password`` does not open it, or it
            holds no ECDSA key on one of the three curves.
        OptionalDependencyError: the extra ``sign`` is not installed.
    """
    data = read_private_file(Path(path))
    serialization = load_extra("cryptography.hazmat.primitives.serialization", extra="sign")
    unsupported = load_extra("cryptography.exceptions", extra="sign").UnsupportedAlgorithm
    try:
        private = serialization.load_pem_private_key(data, password.encode() if password else None)
    except TypeError as error:
        raise ConfigError(f"the private key {path}: {error}") from None
    except (ValueError, unsupported):
        why = "it is damaged, of an unknown kind, or the password is wrong"
        raise ConfigError(f"{path} holds no private key that can be used: {why}") from None
    if not isinstance(private, _ec().EllipticCurvePrivateKey):
        raise ConfigError(f"{path} is not an ECDSA key, which model signatures need", hint="forgelm keys makes one")
    return _wrap(private, str(path))


def generate_ec_key(path: Path, curve: str = "P-256") -> EcKey:
    """Make a key on ``curve``, write it to ``path`` for its owner's eyes only, and its public half to ``.pub``.

    Raises:
        ConfigError: there is a key at ``path``.
        OptionalDependencyError: the extra ``sign`` is not installed.
        StorageError: a file could not be written.
    """
    if curve not in CURVES:
        raise ConfigError(f"there is no curve {curve!r}; there are {', '.join(CURVES)}")
    serialization = load_extra("cryptography.hazmat.primitives.serialization", extra="sign")
    private = _ec().generate_private_key(getattr(_ec(), f"SECP{curve.removeprefix('P-')}R1")())
    pem: bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = _wrap(private, str(path))
    write_key_files(path, pem, key.public.pem.encode())
    return key


def _wrap(private: Any, name: str) -> EcKey:
    serialization = load_extra("cryptography.hazmat.primitives.serialization", extra="sign")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = private.public_key().public_bytes(serialization.Encoding.PEM, form)
    return EcKey(parse_ec_public_key(public, name), private)


def _ec() -> Any:
    return load_extra("cryptography.hazmat.primitives.asymmetric.ec", extra="sign")
