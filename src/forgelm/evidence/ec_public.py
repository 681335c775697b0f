"""Public ECDSA keys: read from PEM, named by their fingerprint, and used to check signatures."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_bytes
from forgelm.evidence.ecdsa import CURVES, verify_ecdsa

_PEM = re.compile(rb"\s*-----BEGIN PUBLIC KEY-----\s*([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*")
_LONGEST = 10_000

# The DER bytes before the key itself in a SubjectPublicKeyInfo of an uncompressed point (RFC 5480).
_PREFIXES = MappingProxyType(
    {
        "P-256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200 04"),
        "P-384": bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"),
        "P-521": bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004"),
    }
)


@dataclass(frozen=True)
class EcPublicKey:
    """A public key on ``curve``: ``P-256``, ``P-384`` or ``P-521``; ``der`` is its SubjectPublicKeyInfo."""

    curve: str
    der: bytes

    @property
    def point(self) -> tuple[int, int]:
        """The key itself, a point of the curve."""
        raw = self.der[len(_PREFIXES[self.curve]) :]
        half = len(raw) // 2
        return int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")

    @property
    def pem(self) -> str:
        """The key as ``cryptography`` and OpenSSL write it."""
        text = base64.b64encode(self.der).decode()
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the PEM text: the hint by which OpenSSF model signatures name their key."""
        return sha256_bytes(self.pem.encode())

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Return whether ``signature`` (DER) over ``message`` was made with this key's private half."""
        return verify_ecdsa(CURVES[self.curve], self.point, signature, message)


def read_ec_public_key(path: Path) -> EcPublicKey:
    """Return the key in the PEM file at ``path``.

    Raises:
        ConfigError: there is no such file, or it holds no public key on one of the three curves.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(_LONGEST + 1)
    except OSError as error:
        raise ConfigError(f"the public key {path} cannot be read: {error.strerror or error}") from None
    return parse_ec_public_key(data, str(path))


def parse_ec_public_key(data: bytes, name: str) -> EcPublicKey:
    """Return the key in ``data``, PEM text; ``name`` is what an error calls it.

    Raises:
        ConfigError: it holds no public key on one of the three curves.
    """
    found = _PEM.fullmatch(data) if len(data) <= _LONGEST else None
    if found is None:
        hint = "give the public half: openssl pkey -in KEY -pubout" if b"PRIVATE KEY" in data else None
        raise ConfigError(f"{name} is not a public key in PEM form", hint=hint)
    try:
        der = base64.b64decode(b"".join(found[1].split()), validate=True)
    except binascii.Error:
        raise ConfigError(f"{name} is not a public key in PEM form: its base64 text is damaged") from None
    for curve, prefix in _PREFIXES.items():
        key = EcPublicKey(curve, der)
        if der.startswith(prefix) and len(der) == len(prefix) + 2 * CURVES[curve].size:
            if CURVES[curve].holds(*key.point):
                return key
            raise ConfigError(f"{name} is not a public key: its point is not on the curve")
    raise ConfigError(f"{name} is not an ECDSA key on P-256, P-384 or P-521, which model signatures need")
